import ContentLayout from '@cloudscape-design/components/content-layout';
import Header from '@cloudscape-design/components/header';
import Tabs from '@cloudscape-design/components/tabs';
import { navigate, usePlace } from '../../app/router.ts';
import { JobsTable } from './jobs-table.tsx';
import { ModelsTable } from './models-table.tsx';

/** Custom models, with the seed system's two tabs; the tab is part of the address. */
export default function CustomModelsPage() {
  const { query } = usePlace();
  const tab = query.get('tab') === 'jobs' ? 'jobs' : 'models';
  return (
    <ContentLayout
      header={
        <Header
          variant="h1"
          description="Models that were taught from your own pictures, and the jobs that teach them."
        >
          Custom models
        </Header>
      }
    >
      <Tabs
        activeTabId={tab}
        onChange={({ detail }) => navigate(`/custom-models?tab=${detail.activeTabId}`, { replace: true })}
        tabs={[
          { id: 'models', label: 'Models', content: <ModelsTable /> },
          { id: 'jobs', label: 'Jobs', content: <JobsTable /> },
        ]}
      />
    </ContentLayout>
  );
}
