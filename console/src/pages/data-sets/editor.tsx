import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import ContentLayout from '@cloudscape-design/components/content-layout';
import Header from '@cloudscape-design/components/header';
import SegmentedControl from '@cloudscape-design/components/segmented-control';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useCallback, useEffect, useMemo, useState } from 'react';
import { flushSync } from 'react-dom';
import limits from '../../../../contract/limits.json' with { type: 'json' };
import { FaultAlert } from '../../app/fault-alert.tsx';
import { usePlace } from '../../app/router.ts';
import { BringPictures } from './bring-pictures.tsx';
import { CaptionTools, showTriggerWords, triggersOf } from './caption-tools.tsx';
import { Checks } from './checks.tsx';
import {
  draftNow,
  forgetDraft,
  openSaved,
  type Picture,
  removePictures,
  setCaptions,
  useDataSetDraft,
} from './draft.ts';
import { FindMasks } from './find-masks.tsx';
import { MaskEditor } from './mask-editor.tsx';
import { PhotographsSeen, usePhotographs } from './photographs-seen.tsx';
import { readPictures } from './picture-by-picture.tsx';
import { type GridRecord, RecordGrid } from './record-grid.tsx';
import { type CheckName, captionProblems, type Problem, pictureProblems, twinProblems } from './records.ts';
import { SaveDataSet, showName } from './save.tsx';
import { readVersion } from './store.ts';
import { Versions } from './versions.tsx';

type Shown = 'all' | Problem['severity'] | CheckName;

/** Makes a data set: pictures in, captions beside them, what a job would refuse marked; then into S3. */
export default function DataSetEditorPage() {
  const { query } = usePlace();
  const place = { bucket: query.get('bucket') ?? '', name: query.get('name') ?? '' };
  const version = Number(query.get('version') ?? 0);
  const key = `${place.bucket}/${place.name}@${version}`;
  const draft = useDataSetDraft(key);
  const [shown, setShown] = useState<Shown>('all');
  const [error, setError] = useState<unknown>();
  const [maskedId, setMaskedId] = useState<string>();
  /** Undefined until a caption is missing, or a person opens or folds them. */
  const [areToolsOpen, setToolsOpen] = useState<boolean>();

  useEffect(() => {
    // What was saved is not the beginning of the next one.
    if (version === 0 && !draftNow(key).isChanged) forgetDraft(key);
    if (version === 0 || draftNow(key).pictures.length > 0) return;
    readVersion({ bucket: place.bucket, name: place.name }, version)
      .then(saved => openSaved(key, saved))
      .catch(setError);
  }, [key, version, place.bucket, place.name]);

  const isReading = draft.pictures.some(({ facts, failure }) => facts === undefined && failure === undefined);
  // Of the pictures alone: a caption that is edited among ten thousand must not ask about each picture again. Twins are
  // looked for once, when all are read.
  const twins = useMemo(
    () => (isReading ? new Map<string, Problem>() : twinProblems(draft.pictures)),
    [draft.pictures, isReading],
  );
  const ofPictures = useMemo(
    () => new Map(draft.pictures.map(picture => [picture.id, problemsOf(picture, twins)])),
    [draft.pictures, twins],
  );
  const photographs = usePhotographs(draft);
  const triggers = triggersOf(draft);
  const records: GridRecord[] = draft.pictures.map(picture => {
    const caption = draft.captions.get(picture.id) ?? '';
    return {
      picture,
      caption,
      mask: draft.masks.get(picture.id),
      problems: [...(ofPictures.get(picture.id) ?? []), ...captionProblems(caption, triggers)],
    };
  });
  const has = (severity: Problem['severity']) => (record: GridRecord) =>
    record.problems.some(problem => problem.severity === severity);
  const errors = records.filter(has('error'));
  const warnings = records.filter(has('warning'));
  const visible =
    shown === 'all'
      ? records
      : records.filter(({ problems }) => problems.some(({ check, severity }) => check === shown || severity === shown));
  const isCaptionMissing = records.some(({ caption }) => caption.trim() === '');
  useEffect(() => {
    if (isCaptionMissing) setToolsOpen(before => before ?? true);
  }, [isCaptionMissing]);
  const setCaption = useCallback((id: string, caption: string) => setCaptions(key, new Map([[id, caption]])), [key]);
  const masked = maskedId === undefined ? undefined : readPictures(draft).find(({ id }) => id === maskedId);
  const remove = useCallback((id: string) => removePictures(key, new Set([id])), [key]);

  function showCaptionTools(): void {
    flushSync(() => setToolsOpen(true));
    showTriggerWords();
  }

  return (
    <ContentLayout
      header={
        <Header
          variant="h1"
          description={version > 0 ? `From version ${version}; saving makes a new one.` : undefined}
          actions={
            <SpaceBetween direction="horizontal" size="xs">
              {version > 0 && <Versions {...place} version={version} />}
              {draft.pictures.length > 0 && <Button onClick={showName}>Name and save</Button>}
            </SpaceBetween>
          }
        >
          {place.name === '' ? 'New data set' : place.name}
        </Header>
      }
    >
      <SpaceBetween size="l">
        {error !== undefined && <FaultAlert error={error} />}
        <BringPictures draftKey={key} isEmpty={draft.pictures.length === 0} failed={setError} />
        {draft.pictures.length > 0 && (
          <SpaceBetween size="l">
            {photographs && <PhotographsSeen {...photographs} />}
            <Container
              header={
                <Header variant="h2" counter={`(${records.length})`}>
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
                {visible.length === 0 && <Box color="text-body-secondary">None of these (any more).</Box>}
                <RecordGrid
                  records={visible}
                  setCaption={setCaption}
                  remove={remove}
                  editMask={setMaskedId}
                  wanted={query.get('record') ?? undefined}
                />
              </SpaceBetween>
            </Container>
            {records.length < limits.trainingImages.minimumCount && (
              <Alert type="warning">
                A job needs {limits.trainingImages.minimumCount} images or more; this data set has {records.length}.
              </Alert>
            )}
            <Checks
              {...{ draftKey: key, draft, records, isReading, showCaptionTools }}
              show={setShown}
              failed={setError}
            />
            <CaptionTools
              {...{ draftKey: key, draft, arePhotographs: photographs !== undefined }}
              isOpen={areToolsOpen ?? false}
              setOpen={setToolsOpen}
            />
            <FindMasks draftKey={key} draft={draft} />
            <SaveDataSet draftKey={key} place={place} errorCount={errors.length} isReading={isReading} />
          </SpaceBetween>
        )}
      </SpaceBetween>
      {masked && <MaskEditor key={maskedId} draftKey={key} picture={masked} close={() => setMaskedId(undefined)} />}
    </ContentLayout>
  );
}

function problemsOf(picture: Picture, twins: ReadonlyMap<string, Problem>): Problem[] {
  const twin = twins.get(picture.id);
  return [
    ...(picture.failure === undefined
      ? []
      : [{ check: 'unreadable' as const, severity: 'error' as const, text: picture.failure }]),
    ...(picture.facts ? pictureProblems(picture.facts) : []),
    ...(twin ? [twin] : []),
  ];
}
