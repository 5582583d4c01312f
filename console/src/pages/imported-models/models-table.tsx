import {
  DeleteImportedModelCommand,
  type ImportedModelSummary,
  ListImportedModelsCommand,
} from '@aws-sdk/client-bedrock';
import Button from '@cloudscape-design/components/button';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { ConfirmDelete } from '../../app/confirm-delete.tsx';
import { byCreationTime, ResourceTable } from '../../app/resource-table.tsx';
import { when } from '../../app/show.tsx';
import { bedrock } from '../../aws/bedrock.ts';
import { ImportModel } from './import-model.tsx';

export function ImportedModelsTable() {
  const queries = useQueryClient();
  const [importing, setImporting] = useState(false);
  const [deleting, setDeleting] = useState<ImportedModelSummary>();
  return (
    <>
      <ResourceTable<ImportedModelSummary>
        name="Models"
        queryKey={['imported-models']}
        filterLabel="Find models by name"
        orderedBy="created"
        selection="single"
        idOf={model => model.modelName ?? ''}
        load={async request => {
          const answer = await bedrock().send(new ListImportedModelsCommand(byCreationTime(request)));
          return { rows: answer.modelSummaries ?? [], nextToken: answer.nextToken };
        }}
        columns={[
          { id: 'name', header: 'Model name', isRowHeader: true, cell: model => model.modelName },
          { id: 'architecture', header: 'Architecture', cell: model => model.modelArchitecture ?? '–' },
          { id: 'arn', header: 'ARN', minWidth: 200, cell: model => <span className="path">{model.modelArn}</span> },
          {
            id: 'created',
            header: 'Creation time',
            sortingField: 'creationTime',
            cell: model => when(model.creationTime),
          },
        ]}
        actions={([model]) => (
          <>
            <Button disabled={!model} onClick={() => setDeleting(model)}>
              Delete
            </Button>
            <Button variant="primary" onClick={() => setImporting(true)}>
              Import model
            </Button>
          </>
        )}
        empty={{
          text: 'No imported models. A LoRA or a diffusers folder in S3 becomes one, and InvokeModel takes its ARN.',
          action: <Button onClick={() => setImporting(true)}>Import model</Button>,
        }}
      />
      {importing && <ImportModel close={() => setImporting(false)} />}
      {deleting && (
        <ConfirmDelete
          what="imported model"
          name={deleting.modelName ?? ''}
          consequence="Its weights are deleted for good. The files that it was imported from stay."
          remove={() => bedrock().send(new DeleteImportedModelCommand({ modelIdentifier: deleting.modelArn }))}
          removed={() => queries.invalidateQueries({ queryKey: ['imported-models'] })}
          close={() => setDeleting(undefined)}
        />
      )}
    </>
  );
}
