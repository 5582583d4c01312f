import ContentLayout from '@cloudscape-design/components/content-layout';
import Header from '@cloudscape-design/components/header';
import Tabs from '@cloudscape-design/components/tabs';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { navigate, usePlace } from '../../app/router.ts';
import { AddBaseModel } from './add-base-model.tsx';
import { Catalogue } from './catalogue.tsx';
import { ModelFacts } from './model-facts.tsx';
import { RegisteredModels } from './registered.tsx';
import type { RegisteredModel } from './registered-model.ts';

/** The catalogue, and the folders behind it; the tab is part of the address. */
export default function BaseModelsPage() {
  const { query } = usePlace();
  const queries = useQueryClient();
  const [adding, setAdding] = useState(false);
  const [shown, setShown] = useState<RegisteredModel>();
  const openTab = (id: string) => navigate(`/base-models?tab=${id}`, { replace: true });
  const reload = () =>
    ['registered-models', 'base-models', 'foundation-models'].map(key =>
      queries.invalidateQueries({ queryKey: [key] }),
    );
  const add = () => setAdding(true);
  return (
    <ContentLayout
      header={
        <Header variant="h1" description="What draws on demand, and what a fine-tuning job can start from.">
          Base models
        </Header>
      }
    >
      <Tabs
        activeTabId={query.get('tab') === 'folders' ? 'folders' : 'models'}
        onChange={({ detail }) => openTab(detail.activeTabId)}
        tabs={[
          { id: 'models', label: 'Models', content: <Catalogue add={add} /> },
          {
            id: 'folders',
            label: 'Folders',
            content: <RegisteredModels add={add} show={setShown} removed={reload} />,
          },
        ]}
      />
      {adding && (
        <AddBaseModel
          added={model => {
            openTab('folders');
            reload();
            setShown(model);
          }}
          close={() => setAdding(false)}
        />
      )}
      {shown && <ModelFacts model={shown} close={() => setShown(undefined)} />}
    </ContentLayout>
  );
}
