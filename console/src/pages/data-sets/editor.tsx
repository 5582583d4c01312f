import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import ContentLayout from '@cloudscape-design/components/content-layout';
import Header from '@cloudscape-design/components/header';
import SegmentedControl from '@cloudscape-design/components/segmented-control';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { type DragEvent, useCallback, useEffect, useMemo, useRef, useState } from 'react';
import limits from '../../../../contract/limits.json' with { type: 'json' };
import { FaultAlert } from '../../app/fault-alert.tsx';
import { usePlace } from '../../app/router.ts';
import { readManifestAt } from '../../aws/manifest.ts';
import { CaptionTools, triggersOf } from './caption-tools.tsx';
import {
  addPictures,
  draftNow,
  fixSizes,
  forgetDraft,
  openSaved,
  type Picture,
  removePictures,
  setCaptions,
  useDataSetDraft,
} from './draft.ts';
import { droppedFiles, sampleFiles, withCaptions } from './files.ts';
import { type GridRecord, RecordGrid } from './record-grid.tsx';
import { captionProblems, type Problem, pictureProblems, twinProblems } from './records.ts';
import { SaveDataSet } from './save.tsx';
import { manifestUri } from './store.ts';

type Shown = 'all' | 'error' | 'warning';

/** Makes a data set: pictures in, captions beside them, what a job would refuse marked; then into S3. */
export default function DataSetEditorPage() {
  const { query } = usePlace();
  const place = { bucket: query.get('bucket') ?? '', name: query.get('name') ?? '' };
  const version = Number(query.get('version') ?? 0);
  const key = `${place.bucket}/${place.name}`;
  const draft = useDataSetDraft(key);
  const [shown, setShown] = useState<Shown>('all');
  const [error, setError] = useState<unknown>();

  useEffect(() => {
    // What was saved is not the beginning of the next one.
    if (version === 0 && !draftNow(key).isChanged) forgetDraft(key);
    if (version === 0 || draftNow(key).pictures.length > 0) return;
    readManifestAt(manifestUri(place.bucket, place.name, version))
      .then(records => openSaved(key, records))
      .catch(setError);
  }, [key, version, place.bucket, place.name]);

  // Of the pictures alone: a caption that is edited among ten thousand must not ask about each picture again.
  const twins = useMemo(() => twinProblems(draft.pictures), [draft.pictures]);
  const ofPictures = useMemo(
    () => new Map(draft.pictures.map(picture => [picture.id, problemsOf(picture, twins)])),
    [draft.pictures, twins],
  );
  const triggers = triggersOf(draft);
  const records: GridRecord[] = draft.pictures.map(picture => {
    const caption = draft.captions.get(picture.id) ?? '';
    return {
      picture,
      caption,
      problems: [...(ofPictures.get(picture.id) ?? []), ...captionProblems(caption, triggers)],
    };
  });
  const has = (severity: Problem['severity']) => (record: GridRecord) =>
    record.problems.some(problem => problem.severity === severity);
  const errors = records.filter(has('error'));
  const warnings = records.filter(has('warning'));
  const visible = shown === 'all' ? records : shown === 'error' ? errors : warnings;
  const setCaption = useCallback((id: string, caption: string) => setCaptions(key, new Map([[id, caption]])), [key]);
  const remove = useCallback((id: string) => removePictures(key, new Set([id])), [key]);
  const isReading = draft.pictures.some(({ facts, failure }) => facts === undefined && failure === undefined);

  return (
    <ContentLayout
      header={
        <Header variant="h1" description={version > 0 ? `From version ${version}; saving makes a new one.` : undefined}>
          {place.name === '' ? 'New data set' : place.name}
        </Header>
      }
    >
      <SpaceBetween size="l">
        {error !== undefined && <FaultAlert error={error} />}
        <BringPictures draftKey={key} isEmpty={draft.pictures.length === 0} failed={setError} />
        {draft.pictures.length > 0 && (
          <SpaceBetween size="l">
            <CaptionTools draftKey={key} draft={draft} />
            <Container
              header={
                <Header
                  variant="h2"
                  counter={`(${records.length})`}
                  actions={
                    <SpaceBetween direction="horizontal" size="xs">
                      <Button
                        disabled={!records.some(({ picture }) => picture.facts && isOutOfBounds(picture.facts))}
                        onClick={() => fixSizes(key, sideBounds).catch(setError)}
                      >
                        Fix sizes
                      </Button>
                      <Button disabled={twins.size === 0} onClick={() => removePictures(key, new Set(twins.keys()))}>
                        Remove {twins.size} duplicates
                      </Button>
                    </SpaceBetween>
                  }
                >
                  Images
                </Header>
              }
            >
              <SpaceBetween size="m">
                <SegmentedControl
                  label="Shown"
                  selectedId={shown}
                  options={[
                    { id: 'all', text: `All ${records.length}` },
                    { id: 'error', text: `To mend ${errors.length}` },
                    { id: 'warning', text: `Advice ${warnings.length}` },
                  ]}
                  onChange={({ detail }) => setShown(detail.selectedId as Shown)}
                />
                {isReading && <Box color="text-body-secondary">Looking at the pictures…</Box>}
                <RecordGrid records={visible} setCaption={setCaption} remove={remove} />
              </SpaceBetween>
            </Container>
            {records.length < limits.trainingImages.minimumCount && (
              <Alert type="warning">
                A job needs {limits.trainingImages.minimumCount} images or more; this data set has {records.length}.
              </Alert>
            )}
            <SaveDataSet draftKey={key} place={place} errorCount={errors.length} isReading={isReading} />
          </SpaceBetween>
        )}
      </SpaceBetween>
    </ContentLayout>
  );
}

const sideBounds = {
  smallest: limits.trainingImage.minimumSidePixels,
  // A square of the largest side would have too many pixels.
  largest: Math.floor(Math.sqrt(limits.trainingImage.maximumTotalPixels)),
};

function isOutOfBounds(facts: Parameters<typeof pictureProblems>[0]): boolean {
  return pictureProblems(facts).some(({ severity }) => severity === 'error');
}

function problemsOf(picture: Picture, twins: ReadonlyMap<string, Problem>): Problem[] {
  const twin = twins.get(picture.id);
  return [
    ...(picture.failure === undefined ? [] : [{ severity: 'error' as const, text: picture.failure }]),
    ...(picture.facts ? pictureProblems(picture.facts) : []),
    ...(twin ? [twin] : []),
  ];
}

interface BringPicturesProps {
  draftKey: string;
  isEmpty: boolean;
  failed(error: unknown): void;
}

function BringPictures({ draftKey, isEmpty, failed }: BringPicturesProps) {
  const files = useRef<HTMLInputElement>(null);
  const folder = useRef<HTMLInputElement>(null);
  const [isOver, setIsOver] = useState(false);

  async function take(chosen: readonly File[]): Promise<void> {
    await addPictures(draftKey, await withCaptions(chosen)).catch(failed);
  }

  function drop(event: DragEvent): void {
    event.preventDefault();
    setIsOver(false);
    droppedFiles(event.dataTransfer).then(take).catch(failed);
  }

  return (
    <section
      className={isOver ? 'drop-zone over' : 'drop-zone'}
      aria-label="Bring pictures"
      onDragOver={event => {
        event.preventDefault();
        setIsOver(true);
      }}
      onDragLeave={() => setIsOver(false)}
      onDrop={drop}
    >
      <SpaceBetween size="s" alignItems="center">
        <Box variant="h2">Drop pictures or a folder here</Box>
        <Box color="text-body-secondary" textAlign="center">
          JPEG or PNG, at least five, each side from 512 to 4,096 pixels. Captions come along in .txt files of the same
          name, or in a .jsonl.
        </Box>
        <SpaceBetween direction="horizontal" size="xs">
          <Button onClick={() => files.current?.click()}>Choose files</Button>
          <Button onClick={() => folder.current?.click()}>Choose a folder</Button>
          {isEmpty && (
            <Button
              onClick={() =>
                sampleFiles()
                  .then(brought => addPictures(draftKey, brought))
                  .catch(failed)
              }
            >
              Take the sample: Ron and Smila
            </Button>
          )}
        </SpaceBetween>
      </SpaceBetween>
      <input
        ref={files}
        type="file"
        multiple
        hidden
        aria-label="Picture files"
        accept="image/*,.txt,.jsonl"
        onChange={event => take([...(event.target.files ?? [])])}
      />
      <input
        ref={folder}
        type="file"
        multiple
        hidden
        aria-label="Picture folder"
        {...{ webkitdirectory: '' }}
        onChange={event => take([...(event.target.files ?? [])])}
      />
    </section>
  );
}
