import Alert from '@cloudscape-design/components/alert';
import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import ContentLayout from '@cloudscape-design/components/content-layout';
import Grid from '@cloudscape-design/components/grid';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useEffect, useRef, useState } from 'react';
import { useDraft } from '../../app/draft.ts';
import { FaultAlert } from '../../app/fault-alert.tsx';
import { useKept } from '../../app/kept.ts';
import { navigate, usePlace } from '../../app/router.ts';
import { StillMissing } from '../../app/still-missing.tsx';
import { ApiRequestModal } from './api-request-modal.tsx';
import { Configuration } from './configuration.tsx';
import { noFrame } from './frame.ts';
import { HistoryStrip, type Run, remember } from './history.tsx';
import { base64Within, drawnImage, type InputImage } from './input-image.ts';
import { draw } from './invoke.ts';
import { ModelSelect } from './model-select.tsx';
import { useInvocables } from './models.ts';
import { NotServed } from './not-served.tsx';
import { blank } from './painting.ts';
import { initialSettings, missingOf, type Pictures, requestBody, type Settings } from './request.ts';
import { chosenPictures, noPictures, requestPictures } from './request-pictures.ts';
import { Results, type Side } from './results.tsx';

/** Asks one or two models for the same pictures, and shows them side by side. */
export default function ImagePlaygroundPage() {
  const { query } = usePlace();
  const { models, problems, isPending } = useInvocables();
  const [draft, change] = useDraft('image-playground', { ...initialSettings, modelId: '', otherModelId: '' });
  const [form, changeForm] = useKept('playground-form', noPictures);
  const [sides, setSides] = useState<readonly Side[]>([]);
  const [requested, setRequested] = useState<Pictures<string>>();
  const [error, setError] = useState<unknown>();
  const answers = useRef<HTMLDivElement>(null);
  const asked = query.get('model');
  const wanted = models.find(({ id, modelArn }) => id === asked || modelArn === asked);
  // What a link asks for and does not answer is said, and no other model is drawn with in its place.
  const isUnserved = asked !== null && !isPending && wanted === undefined;
  const model = isUnserved ? undefined : (models.find(({ id }) => id === draft.modelId) ?? models[0]);
  const other = models.find(({ id }) => id === draft.otherModelId);

  // A link from a model's page chooses it, once it is known.
  const wantedId = wanted?.id;
  useEffect(() => {
    if (wantedId !== undefined) change({ modelId: wantedId });
  }, [wantedId, change]);

  const { modelId: _, otherModelId: __, ...settings } = draft;
  const missing = [
    ...(model || isPending ? [] : ['a model']),
    ...missingOf(settings, chosenPictures(settings.action, form)),
  ];
  const isDrawing = sides.some(side => side.state === 'drawing');

  async function run(): Promise<void> {
    setError(undefined);
    const startedAt = Date.now();
    const { images, mask } = await requestPictures(settings.action, form);
    const body = requestBody(settings, {
      images: images.map(base64Within),
      mask: mask === undefined ? undefined : base64Within(mask),
    });
    const chosen = [model, other].filter(candidate => candidate !== undefined);
    setSides(chosen.map(({ id, label }) => ({ id, label, state: 'drawing' })));
    // Below the request in a narrow window, and above what is seen of a long one: without this nothing seems to happen.
    const top = answers.current?.getBoundingClientRect().top ?? 0;
    if (top < 0 || top > window.innerHeight / 2) answers.current?.scrollIntoView();
    const finished = await Promise.all(
      chosen.map(async ({ id, label }): Promise<Side> => {
        const side: Side = await draw(id, body).then(
          drawn => ({ id, label, state: 'drawn', ...drawn }),
          failure => ({ id, label, state: 'failed', failure }),
        );
        setSides(before => before.map(earlier => (earlier.id === id ? side : earlier)));
        return side;
      }),
    );
    await remember({ startedAt, settings, pictures: form, sides: finished });
  }

  function restore({ settings: earlier, pictures, sides: shown }: Run): void {
    change(earlier);
    changeForm(pictures);
    setSides(shown);
  }

  function goOnFrom(name: string, base64: string): void {
    drawnImage(name, base64)
      .then((image: InputImage) => changeForm({ images: [image], painting: blank, mask: undefined, frame: noFrame }))
      .catch(setError);
  }

  return (
    <ContentLayout
      header={
        <Header
          variant="h1"
          actions={
            <Button
              disabled={!model || missing.length > 0}
              onClick={() => requestPictures(settings.action, form).then(setRequested, setError)}
            >
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
        {isUnserved && problems.length === 0 && <NotServed modelArn={asked} />}
        <Grid gridDefinition={[{ colspan: { default: 12, s: 5 } }, { colspan: { default: 12, s: 7 } }]}>
          <div>
            <Container header={<Header variant="h2">Request</Header>}>
              <SpaceBetween size="l">
                <ModelSelect
                  label="Model"
                  models={models}
                  chosen={model?.id}
                  isPending={isPending}
                  onChange={modelId => {
                    change({ modelId });
                    // The link has said what it had to: a reload keeps what was chosen since.
                    navigate('/image-playground', { replace: true });
                  }}
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
                  pictures={form}
                  changePictures={changeForm}
                />
              </SpaceBetween>
            </Container>
            <div className="run-bar">
              <Button
                variant="primary"
                disabled={!model || missing.length > 0}
                loading={isDrawing}
                onClick={() => run().catch(setError)}
              >
                Run
              </Button>
              <StillMissing parts={missing} />
            </div>
          </div>
          <div ref={answers} className="answers">
            <SpaceBetween size="l">
              {error !== undefined && <FaultAlert error={error} />}
              <Results sides={sides} goOnFrom={goOnFrom} />
              <HistoryStrip restore={restore} />
            </SpaceBetween>
          </div>
        </Grid>
      </SpaceBetween>
      {requested && model && (
        <ApiRequestModal
          settings={settings}
          modelId={model.id}
          pictures={requested}
          close={() => setRequested(undefined)}
        />
      )}
    </ContentLayout>
  );
}
