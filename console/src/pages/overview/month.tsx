import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import KeyValuePairs from '@cloudscape-design/components/key-value-pairs';
import { useQuery } from '@tanstack/react-query';
import { FaultAlert } from '../../app/fault-alert.tsx';
import { hrefOf } from '../../app/router.ts';
import { monthsUntil, totalItems, usageOf } from '../usage/report.ts';

/** What this month came to so far. */
export function Month() {
  const [month = ''] = monthsUntil(new Date(), 1);
  const { data, error } = useQuery({
    queryKey: ['usage', month, 'total'],
    queryFn: () => usageOf(month, { by: 'total', byResource: false }),
  });
  return (
    <Container
      header={
        <Header variant="h2" actions={<Button href={hrefOf('/usage')}>Usage</Button>}>
          This month
        </Header>
      }
    >
      {error && <FaultAlert error={error} />}
      {data && <KeyValuePairs columns={4} items={totalItems(data)} />}
    </Container>
  );
}
