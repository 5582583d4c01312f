import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import ContentLayout from '@cloudscape-design/components/content-layout';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { ResourceTable } from '../../app/resource-table.tsx';
import { hrefOf } from '../../app/router.ts';
import { callRoute } from '../../aws/clients.ts';

interface BaseModel {
  modelId: string;
  modelName: string;
  baseModelName: string;
  baseModelId: string;
  family: string | null;
  licence: string;
  customizable: boolean;
  inferenceTypes: string[];
  tasks: string[];
}

/** The catalogue: which model answers behind each id, under which licence. */
export default function BaseModelsPage() {
  return (
    <ContentLayout
      header={
        <Header variant="h1" description="What draws on demand, and what a fine-tuning job can start from.">
          Base models
        </Header>
      }
    >
      <SpaceBetween size="l">
        <ResourceTable<BaseModel>
          name="Base models"
          queryKey={['base-models']}
          idOf={model => model.modelId}
          selection="single"
          load={async () => {
            const { baseModels } = await callRoute<{ baseModels: BaseModel[] }>({
              method: 'GET',
              path: '/base-models',
            });
            return { rows: baseModels };
          }}
          columns={[
            { id: 'id', header: 'Model ID', isRowHeader: true, cell: model => model.modelId },
            { id: 'name', header: 'Name', cell: model => model.modelName },
            {
              id: 'base',
              header: 'Answered by',
              cell: model => (
                <>
                  {model.baseModelName}
                  <Box color="text-body-secondary" fontSize="body-s">
                    {model.baseModelId}
                  </Box>
                </>
              ),
            },
            { id: 'licence', header: 'Licence', cell: model => model.licence },
            { id: 'custom', header: 'Customizable', cell: model => (model.customizable ? 'Fine-tuning' : 'No') },
            {
              id: 'inference',
              header: 'Throughput',
              cell: model =>
                model.inferenceTypes.map(type => (type === 'ON_DEMAND' ? 'On demand' : 'Provisioned')).join(', '),
            },
            { id: 'tasks', header: 'Tasks', cell: model => model.tasks.length },
          ]}
          actions={([model]) => (
            <Button
              disabled={!model?.inferenceTypes.includes('ON_DEMAND')}
              href={hrefOf(`/image-playground?model=${encodeURIComponent(model?.modelId ?? '')}`)}
            >
              Open in Image playground
            </Button>
          )}
          empty={{ text: 'No base model is registered.' }}
        />
        <Alert type="info" header="A base model of your own">
          Start the service with LIKENESS_BASE_MODELS=acme.photos-v1=/models/photos to register a folder of Stable
          Diffusion 1.5, 2.x, XL, 3 or FLUX.1 in diffusers layout, and name it in LIKENESS_MODEL_MAP to answer behind an
          id that your code knows.
        </Alert>
      </SpaceBetween>
    </ContentLayout>
  );
}
