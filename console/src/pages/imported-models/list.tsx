import ContentLayout from '@cloudscape-design/components/content-layout';
import Header from '@cloudscape-design/components/header';
import Tabs from '@cloudscape-design/components/tabs';
import { navigate, usePlace } from '../../app/router.ts';
import { ImportJobsTable } from './jobs-table.tsx';
import { ImportedModelsTable } from './models-table.tsx';

/** Models that were taught elsewhere, and the jobs that bring them here; the tab is part of the address. */
export default function ImportedModelsPage() {
  const { query } = usePlace();
  return (
    <ContentLayout
      header={
        <Header variant="h1" description="Models and LoRAs that were taught elsewhere and are drawn with here.">
          Imported models
        </Header>
      }
    >
      <Tabs
        activeTabId={query.get('tab') === 'jobs' ? 'jobs' : 'models'}
        onChange={({ detail }) => navigate(`/imported-models?tab=${detail.activeTabId}`, { replace: true })}
        tabs={[
          { id: 'models', label: 'Models', content: <ImportedModelsTable /> },
          { id: 'jobs', label: 'Jobs', content: <ImportJobsTable /> },
        ]}
      />
    </ContentLayout>
  );
}
