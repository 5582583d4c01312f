import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import ContentLayout from '@cloudscape-design/components/content-layout';
import Grid from '@cloudscape-design/components/grid';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useEffect, useState } from 'react';
import { useDraft } from '../../app/draft.ts';
import { usePlace } from '../../app/router.ts';
import { ApiRequestModal } from './api-request-modal.tsx';
import { Configuration } from './configuration.tsx';
import { HistoryStrip, type Run, remember } from './history.tsx';
import type { InputImage } from './input-image.ts';
import { draw } from './invoke.ts';
import { ModelSelect } from './model-select.tsx';
import { useInvocables } from './models.ts';
import { initialSettings, missingOf, requestBody, type Settings } from './request.ts';
import { Results, type Side } from './results.tsx';

/** Asks one or two models for the same pictures, and shows them side by side. */
export default function ImagePlaygroundPage() {
  const { query } = usePlace();
  const { models, problems, isPending } = useInvocables();
  const [draft, change] = useDraft('image-playground', { ...initialSettings, modelId: '', otherModelId: '' });
  const [images, setImages] = useState<readonly InputImage[]>([]);
  const [mask, setMask] = useState<string>();
  const [sides, setSides] = useState<readonly Side[]>([]);
  const [showsRequest, setShowsRequest] = useState(false);
  const asked = query.get('model');
  const wanted = models.find(({ id, modelArn }) => id === asked || modelArn === asked);
  const model = models.find(({ id }) => id === draft.modelId) ?? models[0];
  const other = models.find(({ id }) => id === draft.otherModelId);

  // A link from a model's page chooses it, once it is known.
  const wantedId = wanted?.id;
  useEffect(() => {
    if (wantedId !== undefined) change({ modelId: wantedId });
  }, [wantedId, change]);

  const { modelId: _, otherModelId: __, ...settings } = draft;
  const pictures = { images: images.map(({ base64 }) => base64), mask };
  const missing = missingOf(settings, pictures);
  const isDrawing = sides.some(side => side.state === 'drawing');

  async function run(): Promise<void> {
    const body = requestBody(settings, pictures);
    const chosen = [model, other].filter(candidate => candidate !== undefined);
    setSides(chosen.map(({ id, label }) => ({ id, label, state: 'drawing' })));
    const finished = await Promise.all(
      chosen.map(async ({ id, label }): Promise<Side> => {
        const side: Side = await draw(id, body).then(
          drawn => ({ id, label, state: 'drawn', ...drawn }),
          error => ({ id, label, state: 'failed', failure: error }),
        );
        setSides(before => before.map(earlier => (earlier.id === id ? side : earlier)));
        return side;
      }),
    );
    remember({ settings, sides: finished });
  }

  function restore({ settings: earlier, sides: shown }: Run): void {
    change(earlier);
    setSides(shown);
  }

  return (
    <ContentLayout
      header={
        <Header
          variant="h1"
          actions={
            <Button disabled={!model || missing.length > 0} onClick={() => setShowsRequest(true)}>
              View API request
            </Button>
          }
        >
          Image playground
        </Header>
      }
    >
      <SpaceBetween size="l">
        {problems.map(problem => (
          <Alert key={problem} type="warning">
            {problem}
          </Alert>
        ))}
        <Grid gridDefinition={[{ colspan: { default: 12, s: 5 } }, { colspan: { default: 12, s: 7 } }]}>
          <Container header={<Header variant="h2">Request</Header>}>
            <SpaceBetween size="l">
              <ModelSelect
                label="Model"
                models={models}
                chosen={model?.id}
                isPending={isPending}
                onChange={modelId => change({ modelId })}
              />
              <ModelSelect
                label="Compare with - optional"
                models={models.filter(({ id }) => id !== model?.id)}
                chosen={other?.id}
                isPending={isPending}
                onChange={otherModelId => change({ otherModelId })}
                nothing="No other model"
              />
              <Configuration
                settings={settings}
                change={(part: Partial<Settings>) => change(part)}
                images={images}
                setImages={setImages}
                setMask={setMask}
              />
              <SpaceBetween size="xs">
                <Button variant="primary" disabled={!model || missing.length > 0} loading={isDrawing} onClick={run}>
                  Run
                </Button>
                {missing.length > 0 && (
                  <Box color="text-body-secondary" fontSize="body-s">
                    Still missing: {missing.join(', ')}
                  </Box>
                )}
              </SpaceBetween>
            </SpaceBetween>
          </Container>
          <SpaceBetween size="l">
            <Results sides={sides} />
            <HistoryStrip restore={restore} />
          </SpaceBetween>
        </Grid>
      </SpaceBetween>
      {showsRequest && model && (
        <ApiRequestModal settings={settings} modelId={model.id} images={images} close={() => setShowsRequest(false)} />
      )}
    </ContentLayout>
  );
}
