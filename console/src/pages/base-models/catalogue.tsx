import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import { ResourceTable } from '../../app/resource-table.tsx';
import { hrefOf } from '../../app/router.ts';
import { type BaseModel, listBaseModels } from '../../aws/base-models.ts';

const THROUGHPUTS = [
  ['ON_DEMAND', 'On demand'],
  ['PROVISIONED', 'Provisioned'],
] as const;

function Named({ name, below }: { name: string; below: string }) {
  return (
    <>
      {name}
      <Box color="text-body-secondary" fontSize="body-s">
        {below}
      </Box>
    </>
  );
}

/** Which model answers behind each id, under which licence. */
export function Catalogue({ add }: { add(): void }) {
  return (
    <ResourceTable<BaseModel>
      name="Models"
      description="LIKENESS_MODEL_MAP chooses what answers behind an amazon.titan-image-generator ID."
      queryKey={['base-models']}
      idOf={model => model.modelId}
      selection="single"
      load={async () => ({ rows: await listBaseModels() })}
      columns={[
        {
          id: 'id',
          header: 'Model ID',
          isRowHeader: true,
          minWidth: 210,
          cell: model => <Named name={model.modelId} below={model.modelName} />,
        },
        {
          id: 'base',
          header: 'Answered by',
          minWidth: 130,
          cell: model => <Named name={model.baseModelName} below={model.baseModelId} />,
        },
        { id: 'licence', header: 'Licence', minWidth: 160, cell: model => model.licence },
        {
          id: 'custom',
          header: 'Customizable',
          minWidth: 110,
          cell: model => (model.customizable ? 'Fine-tuning' : 'No'),
        },
        {
          id: 'inference',
          header: 'Throughput',
          minWidth: 110,
          cell: ({ inferenceTypes }) =>
            THROUGHPUTS.filter(([type]) => inferenceTypes.includes(type))
              .map(([, text]) => text)
              .join(', '),
        },
        { id: 'tasks', header: 'Tasks', minWidth: 70, cell: model => model.tasks.length },
      ]}
      actions={([model]) => (
        <>
          <Button
            disabled={!model?.inferenceTypes.includes('ON_DEMAND')}
            href={hrefOf(`/image-playground?model=${encodeURIComponent(model?.modelId ?? '')}`)}
          >
            Open in Image playground
          </Button>
          <Button variant="primary" onClick={add}>
            Add base model
          </Button>
        </>
      )}
      empty={{ text: 'No base model is registered.', action: <Button onClick={add}>Add base model</Button> }}
    />
  );
}
