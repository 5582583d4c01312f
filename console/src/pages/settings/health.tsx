import ContentLayout from '@cloudscape-design/components/content-layout';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { ResourceTable } from '../../app/resource-table.tsx';
import { callRoute } from '../../aws/clients.ts';
import { Machine } from '../overview/machine.tsx';

interface Quota {
  name: string;
  value: number;
  description: string;
  scope: string;
  awsValue: number | null;
  setting: string | null;
}

/** What the service has to work with, and what an account may have of it. */
export default function HealthPage() {
  return (
    <ContentLayout header={<Header variant="h1">Health and quotas</Header>}>
      <SpaceBetween size="l">
        <Machine />
        <ResourceTable<Quota>
          name="Quotas"
          description="Each is raised by its variable when the service is started."
          queryKey={['quotas']}
          idOf={quota => quota.name}
          load={async () => {
            const { quotas } = await callRoute<{ quotas: Quota[] }>({ method: 'GET', path: '/quotas' });
            return { rows: quotas };
          }}
          columns={[
            { id: 'what', header: 'Quota', isRowHeader: true, cell: quota => quota.description },
            { id: 'value', header: 'Here', cell: quota => quota.value },
            { id: 'aws', header: 'On AWS', cell: quota => quota.awsValue ?? '–' },
            { id: 'setting', header: 'Variable', cell: quota => quota.setting ?? '–' },
          ]}
          empty={{ text: 'No quotas.' }}
        />
      </SpaceBetween>
    </ContentLayout>
  );
}
