import BarChart from '@cloudscape-design/components/bar-chart';
import Box from '@cloudscape-design/components/box';
import Container from '@cloudscape-design/components/container';
import ContentLayout from '@cloudscape-design/components/content-layout';
import Header from '@cloudscape-design/components/header';
import KeyValuePairs from '@cloudscape-design/components/key-value-pairs';
import Select from '@cloudscape-design/components/select';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Toggle from '@cloudscape-design/components/toggle';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { FaultAlert } from '../../app/fault-alert.tsx';
import { ResourceTable } from '../../app/resource-table.tsx';
import { navigate, usePlace } from '../../app/router.ts';
import { monthName, quantityText } from './quantities.ts';
import { DIMENSIONS, daysOf, monthsUntil, totalItems, type UsageEntry, usageOf, usedFor } from './report.ts';

const MONTHS = 12;
const COUNTED = ['imagesDrawn', 'imagesSeen'] as const;

/** What the account used in a month, as it would be billed; the month is part of the address. */
export default function UsagePage() {
  const { query } = usePlace();
  const months = monthsUntil(new Date(), MONTHS).map(value => ({ value, label: monthName(value) }));
  const [thisMonth] = months;
  const chosen = months.find(({ value }) => value === query.get('month')) ?? thisMonth;
  const month = chosen?.value ?? '';
  return (
    <ContentLayout
      header={
        <Header
          variant="h1"
          description="What this account used in the shown Region, in UTC. Prices come from the table that LIKENESS_PRICES names."
          actions={
            <Select
              ariaLabel="Month"
              options={months}
              selectedOption={chosen ?? null}
              onChange={({ detail }) => navigate(`/usage?month=${detail.selectedOption.value}`, { replace: true })}
            />
          }
        >
          Usage
        </Header>
      }
    >
      <SpaceBetween size="l">
        <Totals month={month} />
        <Days month={month} />
        <Entries key={month} month={month} />
      </SpaceBetween>
    </ContentLayout>
  );
}

function Totals({ month }: { month: string }) {
  const { data, error, refetch } = useQuery({
    queryKey: ['usage', month, 'total'],
    queryFn: () => usageOf(month, { by: 'total', byResource: false }),
  });
  return (
    <Container header={<Header variant="h2">{monthName(month)}</Header>}>
      {error && <FaultAlert error={error} retry={() => refetch()} />}
      {data && <KeyValuePairs columns={4} items={totalItems(data)} />}
    </Container>
  );
}

/** What fails here fails in the totals too, and is told there. */
function Days({ month }: { month: string }) {
  const { data } = useQuery({
    queryKey: ['usage', month, 'day'],
    queryFn: () => usageOf(month, { by: 'day', byResource: false }),
  });
  const entries = data?.entries ?? [];
  const series = COUNTED.map(dimension => {
    const byDay = new Map<string, number>();
    for (const { period, quantity } of entries.filter(entry => entry.dimension === dimension))
      byDay.set(period, (byDay.get(period) ?? 0) + quantity);
    return { dimension, byDay };
  }).filter(({ byDay }) => byDay.size > 0);
  if (series.length === 0) return null;
  const days = daysOf(month);
  return (
    <Container header={<Header variant="h2">Images by day</Header>}>
      <BarChart
        ariaLabel="Images by day"
        series={series.map(({ dimension, byDay }) => ({
          type: 'bar',
          title: DIMENSIONS[dimension],
          data: days.map(day => ({ x: day.slice(8), y: byDay.get(day) ?? 0 })),
        }))}
        xDomain={days.map(day => day.slice(8))}
        xScaleType="categorical"
        xTitle="Day"
        yTitle="Images"
        height={220}
        hideFilter
      />
    </Container>
  );
}

function Entries({ month }: { month: string }) {
  const [byResource, setByResource] = useState(false);
  return (
    <ResourceTable<UsageEntry>
      key={String(byResource)}
      name="What was used"
      description="Images drawn on model units that were bought are paid with these."
      queryKey={['usage', month, 'entries', byResource]}
      filterLabel="Find by name"
      idOf={({ dimension, variant, resourceArn }) => [dimension, variant, resourceArn].join(' ')}
      load={async ({ token, filter = '', pageSize }) => {
        const { entries } = await usageOf(month, { by: 'total', byResource });
        const wanted = filter.toLowerCase();
        const found = entries.filter(entry =>
          `${usedFor(entry)} ${entry.resourceArn ?? ''}`.toLowerCase().includes(wanted),
        );
        // The report is one answer: its pages are parts of it.
        const start = Number(token ?? 0);
        const end = start + pageSize;
        const rows = found.slice(start, end);
        return { rows, nextToken: end < found.length ? String(end) : undefined };
      }}
      columns={[
        { id: 'what', header: 'What', isRowHeader: true, cell: usedFor },
        ...(byResource
          ? [
              {
                id: 'resource',
                header: 'Resource',
                cell: ({ resourceArn }: UsageEntry) => <span className="path">{resourceArn ?? '–'}</span>,
              },
            ]
          : []),
        {
          id: 'quantity',
          header: 'Quantity',
          cell: quantityText,
        },
        { id: 'cost', header: 'Cost', cell: ({ cost }) => (cost === null ? '–' : cost.toFixed(2)) },
      ]}
      actions={() => (
        <Box padding={{ vertical: 'xs' }}>
          <Toggle checked={byResource} onChange={({ detail }) => setByResource(detail.checked)}>
            By resource
          </Toggle>
        </Box>
      )}
      empty={{ text: 'Nothing was used in this month.' }}
    />
  );
}
