import Button from '@cloudscape-design/components/button';
import StatusIndicator from '@cloudscape-design/components/status-indicator';
import { useState } from 'react';
import { ConfirmDelete } from '../../app/confirm-delete.tsx';
import { ResourceTable } from '../../app/resource-table.tsx';
import { size } from '../../app/show.tsx';
import { callRoute } from '../../aws/clients.ts';
import { familyName, type RegisteredModel, registeredModels } from './registered-model.ts';

interface RegisteredModelsProps {
  add(): void;
  show(model: RegisteredModel): void;
  removed(): void;
}

/** The folders of the installation's base models, which its first account administers. */
export function RegisteredModels({ add, show, removed }: RegisteredModelsProps) {
  const [removing, setRemoving] = useState<RegisteredModel>();
  return (
    <>
      <ResourceTable<RegisteredModel>
        name="Folders"
        description="On the machine that the service runs on; they serve every account, and the first account administers them."
        queryKey={['registered-models']}
        idOf={model => model.id}
        selection="single"
        load={async () => ({ rows: await registeredModels() })}
        columns={[
          { id: 'id', header: 'Model ID', isRowHeader: true, minWidth: 140, cell: model => model.id },
          { id: 'family', header: 'Family', minWidth: 120, cell: familyName },
          { id: 'licence', header: 'Licence', minWidth: 150, cell: model => model.licence },
          { id: 'size', header: 'Weights', minWidth: 115, cell: model => size(model.facts?.sizeBytes) },
          { id: 'memory', header: 'Memory', minWidth: 115, cell: model => size(model.facts?.memoryBytes) },
          {
            id: 'status',
            header: 'Status',
            minWidth: 130,
            cell: ({ problem }) =>
              problem === null ? (
                <StatusIndicator type="success">Answers</StatusIndicator>
              ) : (
                <StatusIndicator type="error">Does not answer</StatusIndicator>
              ),
          },
        ]}
        actions={([model]) => (
          <>
            <Button disabled={!model} onClick={() => model && show(model)}>
              View
            </Button>
            <Button
              disabled={model?.origin !== 'registered'}
              disabledReason={model && 'It comes with Likeness, or a setting names it.'}
              onClick={() => setRemoving(model)}
            >
              Delete
            </Button>
            <Button variant="primary" onClick={add}>
              Add base model
            </Button>
          </>
        )}
        empty={{ text: 'No base model is registered.', action: <Button onClick={add}>Add base model</Button> }}
      />
      {removing && (
        <ConfirmDelete
          what="the registration of"
          name={removing.id}
          consequence={`No id answers with it any more. The folder ${removing.path} stays, unless Likeness downloaded it. Custom models that were trained on it draw again when the same weights are registered under this id.`}
          remove={() => callRoute({ method: 'DELETE', path: `/registered-models/${encodeURIComponent(removing.id)}` })}
          removed={removed}
          close={() => setRemoving(undefined)}
        />
      )}
    </>
  );
}
