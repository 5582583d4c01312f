import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import ExpandableSection from '@cloudscape-design/components/expandable-section';
import ProgressBar from '@cloudscape-design/components/progress-bar';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { type ChangeEvent, type DragEvent, useCallback, useEffect, useRef, useState } from 'react';
import { navigate, usePlace } from '../../app/router.ts';
import { unzip } from './archive.ts';
import { CaptionsBrought } from './captions-brought.tsx';
import { addPictures, type CaptionOffer, captionOffer, setCaptions } from './draft.ts';
import { chosenFiles, droppedFiles, isZip, type Refusal, type SourceFile, sampleFiles, withCaptions } from './files.ts';

interface BringPicturesProps {
  draftKey: string;
  isEmpty: boolean;
  failed(error: unknown): void;
}

/** Takes pictures, folders and zips, dropped, pasted or chosen. */
export function BringPictures({ draftKey, isEmpty, failed }: BringPicturesProps) {
  const files = useRef<HTMLInputElement>(null);
  const folder = useRef<HTMLInputElement>(null);
  const [isOver, setIsOver] = useState(false);
  const [unpacking, setUnpacking] = useState<{ name: string; done: number; total: number }>();
  const [refused, setRefused] = useState<readonly Refusal[]>([]);
  const [offer, setOffer] = useState<CaptionOffer>();

  async function take(sources: readonly SourceFile[]): Promise<void> {
    failed(undefined);
    setRefused([]);
    setOffer(undefined);
    const loose = sources.filter(({ path }) => !isZip(path));
    const refusals: Refusal[] = [];
    const groups: SourceFile[][] = [loose];
    try {
      for (const { path, blob } of sources.filter(source => isZip(source.path))) {
        const unpacked = await unzip({ name: path, blob }, (done, total) => setUnpacking({ name: path, done, total }));
        refusals.push(...unpacked.refused);
        groups.push(unpacked.files);
      }
      for (const group of groups) {
        const { brought, others, refused: notTaken } = await withCaptions(group);
        refusals.push(...notTaken);
        if (others.size > 0) takeCaptions(others, brought.length > 0);
        // Looking at the pictures goes on while the next ones come in.
        addPictures(draftKey, brought).catch(failed);
      }
    } catch (error) {
      failed(error);
    }
    setUnpacking(undefined);
    setRefused(refusals);
  }

  /** Of pictures that are here already: what a person wrote is replaced only when they say so. */
  function takeCaptions(captions: ReadonlyMap<string, string>, hasPictures: boolean): void {
    const found = captionOffer(draftKey, captions);
    if (found.missing.size > 0) setCaptions(draftKey, found.missing);
    // A captions file that came with some of its pictures names the others for nobody.
    const strangerCount = hasPictures ? 0 : found.strangerCount;
    if (!hasPictures || found.missing.size + found.differing.size > 0) setOffer({ ...found, strangerCount });
  }

  function takeChosen({ target }: ChangeEvent<HTMLInputElement>): void {
    take(chosenFiles([...(target.files ?? [])]));
    // The same file may be chosen again.
    target.value = '';
  }

  const takeSample = useCallback(
    () =>
      sampleFiles()
        .then(brought => addPictures(draftKey, brought))
        .catch(failed),
    [draftKey, failed],
  );
  const { query } = usePlace();
  const isSampleAsked = query.get('sample') !== null;
  useEffect(() => {
    if (!isSampleAsked) return;
    // Once: going back or a reload must not bring it again.
    navigate('/data-sets/edit', { replace: true });
    if (isEmpty) takeSample();
  }, [isSampleAsked, isEmpty, takeSample]);

  // The newest `take` is not needed: it keeps nothing of a rendering but the draft's key.
  // biome-ignore lint/correctness/useExhaustiveDependencies: `take` is another function at each rendering
  useEffect(() => {
    function paste(event: ClipboardEvent): void {
      const pasted = [...(event.clipboardData?.files ?? [])];
      // Text belongs where it is typed.
      if (pasted.length === 0) return;
      event.preventDefault();
      take(chosenFiles(pasted));
    }
    document.addEventListener('paste', paste);
    return () => document.removeEventListener('paste', paste);
  }, [draftKey]);

  function drop(event: DragEvent): void {
    event.preventDefault();
    setIsOver(false);
    droppedFiles(event.dataTransfer).then(take).catch(failed);
  }

  const choose = [
    <Button key="files" onClick={() => files.current?.click()}>
      Choose files or a zip
    </Button>,
    <Button key="folder" onClick={() => folder.current?.click()}>
      Choose a folder
    </Button>,
  ];
  return (
    <SpaceBetween size="m">
      <section
        className={['drop-zone', ...(isEmpty ? [] : ['more']), ...(isOver ? ['over'] : [])].join(' ')}
        aria-label="Bring pictures"
        onDragOver={event => {
          event.preventDefault();
          setIsOver(true);
        }}
        onDragLeave={() => setIsOver(false)}
        onDrop={drop}
      >
        {isEmpty ? (
          <SpaceBetween size="s" alignItems="center">
            <Box variant="h2">Drop pictures, a folder or a zip here</Box>
            <Box color="text-body-secondary" textAlign="center">
              JPEG or PNG, at least five, each side from 512 to 4,096 pixels; pasted ones too. Captions come along in
              .txt files of the same name, or in a .jsonl, .csv or .tsv.
            </Box>
            <SpaceBetween direction="horizontal" size="xs">
              {choose}
              <Button onClick={takeSample}>Take the sample: Ron and Smila</Button>
            </SpaceBetween>
          </SpaceBetween>
        ) : (
          <>
            <Box color="text-body-secondary">Drop more pictures here, or captions for them.</Box>
            <SpaceBetween direction="horizontal" size="xs">
              {choose}
            </SpaceBetween>
          </>
        )}
        <input
          ref={files}
          type="file"
          multiple
          hidden
          aria-label="Picture files"
          accept="image/*,.txt,.caption,.jsonl,.csv,.tsv,.zip"
          onChange={takeChosen}
        />
        <input
          ref={folder}
          type="file"
          multiple
          hidden
          aria-label="Picture folder"
          {...{ webkitdirectory: '' }}
          onChange={takeChosen}
        />
      </section>
      {unpacking && (
        <ProgressBar
          value={(100 * unpacking.done) / Math.max(1, unpacking.total)}
          label={`Unpacking ${unpacking.name}`}
          additionalInfo={`${unpacking.done} of ${unpacking.total} files`}
        />
      )}
      {offer && <CaptionsBrought draftKey={draftKey} offer={offer} close={() => setOffer(undefined)} />}
      {refused.length > 0 && (
        <Alert
          type="warning"
          dismissible
          dismissAriaLabel="Close"
          onDismiss={() => setRefused([])}
          header={`${refused.length} ${refused.length === 1 ? 'file was' : 'files were'} not taken`}
        >
          <ExpandableSection headerText="Which, and why" defaultExpanded={refused.length <= 10}>
            <ul className="refused">
              {refused.map(({ path, reason }) => (
                <li key={path}>
                  {path}: {reason}
                </li>
              ))}
            </ul>
          </ExpandableSection>
        </Alert>
      )}
    </SpaceBetween>
  );
}
