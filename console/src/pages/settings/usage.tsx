import Container from '@cloudscape-design/components/container';
import ContentLayout from '@cloudscape-design/components/content-layout';
import FormField from '@cloudscape-design/components/form-field';
import Header from '@cloudscape-design/components/header';
import SegmentedControl from '@cloudscape-design/components/segmented-control';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useState } from 'react';
import { ResourceTable } from '../../app/resource-table.tsx';
import { lastOf } from '../../app/show.tsx';
import { callRoute } from '../../aws/clients.ts';

interface UsageEntry {
  period: string;
  dimension: string;
  variant: string;
  resourceArn: string | null;
  quantity: number;
  unit: string;
  cost: number | null;
}

interface UsageAnswer {
  currency: string | null;
  entries: UsageEntry[];
}

const DIMENSIONS: Readonly<Record<string, string>> = {
  imagesSeen: 'Images seen in training',
  imagesDrawn: 'Images drawn',
  modelUnitHours: 'Hours of model units',
  modelStorageMonths: 'Months of stored models',
};

/** What this account has used this month in this Region, and what it cost where prices are set. */
export default function UsagePage() {
  const [by, setBy] = useState('month');
  const [isByResource, setIsByResource] = useState(false);
  return (
    <ContentLayout
      header={
        <Header
          variant="h1"
          description="This month so far, in this account and Region. Costs want a table of prices (LIKENESS_PRICES)."
        >
          Usage
        </Header>
      }
    >
      <SpaceBetween size="l">
        <Container>
          <SpaceBetween direction="horizontal" size="xl">
            <FormField label="Period">
              <SegmentedControl
                label="Period"
                selectedId={by}
                options={[
                  { id: 'month', text: 'Month' },
                  { id: 'day', text: 'Days' },
                ]}
                onChange={({ detail }) => setBy(detail.selectedId)}
              />
            </FormField>
            <FormField label="Entries">
              <SegmentedControl
                label="Entries"
                selectedId={isByResource ? 'resources' : 'together'}
                options={[
                  { id: 'together', text: 'Together' },
                  { id: 'resources', text: 'By resource' },
                ]}
                onChange={({ detail }) => setIsByResource(detail.selectedId === 'resources')}
              />
            </FormField>
          </SpaceBetween>
        </Container>
        <ResourceTable<UsageEntry & { currency: string | null }>
          name="Entries"
          queryKey={['usage', by, isByResource]}
          idOf={entry => [entry.period, entry.dimension, entry.variant, entry.resourceArn].join(' ')}
          load={async () => {
            const { entries, currency } = await callRoute<UsageAnswer>({
              method: 'GET',
              path: '/usage',
              query: { by, resources: String(isByResource) },
            });
            return { rows: entries.map(entry => ({ ...entry, currency })) };
          }}
          columns={[
            { id: 'period', header: 'Period', cell: entry => entry.period },
            {
              id: 'what',
              header: 'What',
              isRowHeader: true,
              cell: entry => DIMENSIONS[entry.dimension] ?? entry.dimension,
            },
            { id: 'variant', header: 'Variant', cell: entry => entry.variant || '–' },
            {
              id: 'resource',
              header: 'Resource',
              cell: entry => (entry.resourceArn ? lastOf(entry.resourceArn) : '–'),
            },
            {
              id: 'quantity',
              header: 'Quantity',
              cell: entry => `${Number(entry.quantity.toFixed(3)).toLocaleString()} ${entry.unit}`,
            },
            {
              id: 'cost',
              header: 'Cost',
              cell: entry => (entry.cost === null ? '–' : `${entry.cost.toFixed(2)} ${entry.currency ?? ''}`),
            },
          ]}
          empty={{ text: 'Nothing was used this month.' }}
        />
      </SpaceBetween>
    </ContentLayout>
  );
}
