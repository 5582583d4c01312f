import ContentLayout from '@cloudscape-design/components/content-layout';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { ResourceTable } from '../../app/resource-table.tsx';
import { callRoute } from '../../aws/clients.ts';
import { Machine } from '../overview/machine.tsx';

interface Quota {
  name: string;
  /** Null: none but the machine's own. */
  value: number | null;
  description: string;
  scope: string;
  awsValue: number | null;
  setting: string;
}

/** What the service has to work with, and what an account may have of it. */
export default function HealthPage() {
  return (
    <ContentLayout header={<Header variant="h1">Health and quotas</Header>}>
      <SpaceBetween size="l">
        <Machine />
        <ResourceTable<Quota>
          name="Quotas"
          description="Each is changed by its variable when the service is started."
          queryKey={['quotas']}
          idOf={quota => quota.name}
          load={async () => {
            const { quotas } = await callRoute<{ quotas: Quota[] }>({ method: 'GET', path: '/quotas' });
            return { rows: quotas };
          }}
          columns={[
            {
              id: 'what',
              header: 'Quota',
              isRowHeader: true,
              minWidth: 200,
              cell: ({ description }) => description.charAt(0).toUpperCase() + description.slice(1),
            },
            { id: 'scope', header: 'For each', minWidth: 140, cell: quota => quota.scope },
            {
              id: 'value',
              header: 'Here',
              minWidth: 100,
              cell: quota => quota.value?.toLocaleString() ?? 'What the machine has',
            },
            { id: 'aws', header: 'On AWS', minWidth: 100, cell: quota => quota.awsValue?.toLocaleString() ?? '–' },
            { id: 'setting', header: 'Variable', minWidth: 330, cell: quota => quota.setting },
          ]}
          empty={{ text: 'No quotas.' }}
        />
      </SpaceBetween>
    </ContentLayout>
  );
}
