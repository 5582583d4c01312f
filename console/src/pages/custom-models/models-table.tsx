import { type CustomModelSummary, DeleteCustomModelCommand, ListCustomModelsCommand } from '@aws-sdk/client-bedrock';
import Button from '@cloudscape-design/components/button';
import ButtonDropdown from '@cloudscape-design/components/button-dropdown';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { ConfirmDelete } from '../../app/confirm-delete.tsx';
import { byCreationTime, ResourceTable } from '../../app/resource-table.tsx';
import { hrefOf, navigate } from '../../app/router.ts';
import { To, when } from '../../app/show.tsx';
import { bedrock } from '../../aws/bedrock.ts';
import { DeployOnDemand } from '../deployments/deploy.tsx';
import { CustomizeModel } from './customize-model.tsx';
import { modelPath } from './paths.ts';
import { SourceModel } from './source-model.tsx';

export function ModelsTable() {
  const queries = useQueryClient();
  const [deleting, setDeleting] = useState<CustomModelSummary>();
  const [deploying, setDeploying] = useState<CustomModelSummary>();
  return (
    <>
      <ResourceTable<CustomModelSummary>
        name="Models"
        queryKey={['custom-models']}
        filterLabel="Find models by name"
        orderedBy="created"
        idOf={model => model.modelName ?? ''}
        load={async request => {
          const answer = await bedrock().send(new ListCustomModelsCommand(byCreationTime(request)));
          return { rows: answer.modelSummaries ?? [], nextToken: answer.nextToken };
        }}
        columns={[
          {
            id: 'name',
            header: 'Custom model name',
            isRowHeader: true,
            cell: model => <To to={modelPath(model.modelName)}>{model.modelName ?? ''}</To>,
          },
          { id: 'base', header: 'Source model', cell: model => <SourceModel arn={model.baseModelArn} /> },
          { id: 'type', header: 'Customization type', cell: () => 'Fine-tuning' },
          {
            id: 'created',
            header: 'Creation time',
            sortingField: 'creationTime',
            cell: model => when(model.creationTime),
          },
        ]}
        selection="single"
        actions={([model], clear) => (
          <>
            <Button disabled={!model} onClick={() => setDeleting(model)}>
              Delete
            </Button>
            <ButtonDropdown
              disabled={!model}
              items={[
                { id: 'provision', text: 'Purchase Provisioned Throughput' },
                { id: 'deploy', text: 'Deploy for on-demand' },
                { id: 'playground', text: 'Open in Image playground' },
              ]}
              onItemClick={({ detail }) => {
                clear();
                const arn = encodeURIComponent(model?.modelArn ?? '');
                if (detail.id === 'deploy') setDeploying(model);
                else if (detail.id === 'provision') navigate(`/provisioned-throughput/create?model=${arn}`);
                else navigate(`/image-playground?model=${arn}`);
              }}
            >
              Set up inference
            </ButtonDropdown>
            <CustomizeModel />
          </>
        )}
        empty={{
          text: 'No custom models yet. A fine-tuning job makes one from a few dozen captioned pictures.',
          action: <Button href={hrefOf('/custom-models/create')}>Create fine-tuning job</Button>,
        }}
      />
      {deploying && (
        <DeployOnDemand
          model={{ arn: deploying.modelArn ?? '', name: deploying.modelName ?? '' }}
          deployed={() => navigate('/deployments')}
          close={() => setDeploying(undefined)}
        />
      )}
      {deleting && (
        <ConfirmDelete
          what="custom model"
          name={deleting.modelName ?? ''}
          consequence="Its weights are deleted for good. Provisioned Throughput and deployments of it must be deleted first."
          remove={() => bedrock().send(new DeleteCustomModelCommand({ modelIdentifier: deleting.modelArn }))}
          removed={() => queries.invalidateQueries({ queryKey: ['custom-models'] })}
          close={() => setDeleting(undefined)}
        />
      )}
    </>
  );
}
