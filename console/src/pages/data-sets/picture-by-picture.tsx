import Button from '@cloudscape-design/components/button';
import ProgressBar from '@cloudscape-design/components/progress-bar';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { type ReactNode, useEffect, useRef, useState } from 'react';
import { FaultAlert } from '../../app/fault-alert.tsx';
import { FormModal } from '../../app/form-modal.tsx';
import { notify } from '../../app/notices.ts';
import { type DataSetDraft, type Picture, remember } from './draft.ts';
import type { PictureFacts } from './records.ts';

export type ReadPicture = Picture & { blob: Blob; facts: PictureFacts };

interface PictureByPictureProps {
  draftKey: string;
  waiting: readonly ReadPicture[];
  /** What the buttons say, and the progress. */
  texts: { start: string; stop: string; progress: string };
  /** @returns whether something came of it */
  make(picture: ReadPicture, signal: AbortSignal): Promise<boolean>;
  /** What is said at the end. */
  outcome(made: number, asked: number): string;
  /** Asked before the first picture, where there is something to say against it. */
  doubt?: { title: string; text: ReactNode; action: string } | undefined;
}

/** Pictures that were looked at and can be sent. */
export function readPictures({ pictures }: DataSetDraft): ReadPicture[] {
  return pictures.filter(
    (picture): picture is ReadPicture => picture.blob !== undefined && picture.facts !== undefined,
  );
}

/** Asks a model about one picture after the other; what it said stays when it is stopped or fails. */
export function PictureByPicture({ draftKey, waiting, texts, make, outcome, doubt }: PictureByPictureProps) {
  const [progress, setProgress] = useState<{ done: number; total: number }>();
  const [error, setError] = useState<unknown>();
  const [isDoubted, setIsDoubted] = useState(false);
  const stop = useRef<AbortController>(undefined);
  useEffect(() => () => stop.current?.abort(), []);

  async function start(): Promise<void> {
    const stopper = new AbortController();
    stop.current = stopper;
    const { signal } = stopper;
    setError(undefined);
    remember(draftKey);
    let made = 0;
    let asked = 0;
    try {
      for (const [done, picture] of waiting.entries()) {
        if (signal.aborted) break;
        setProgress({ done, total: waiting.length });
        if (await make(picture, signal)) made += 1;
        asked += 1;
      }
    } catch (thrown) {
      if (!signal.aborted) setError(thrown);
    }
    setProgress(undefined);
    notify('info', outcome(made, asked));
  }

  return (
    <SpaceBetween size="xs">
      <SpaceBetween direction="horizontal" size="xs">
        <Button
          disabled={waiting.length === 0}
          loading={progress !== undefined}
          onClick={() => (doubt ? setIsDoubted(true) : start())}
        >
          {texts.start}
        </Button>
        {progress && <Button onClick={() => stop.current?.abort()}>{texts.stop}</Button>}
      </SpaceBetween>
      {progress && (
        <ProgressBar
          value={(100 * progress.done) / progress.total}
          label={texts.progress}
          additionalInfo={`${progress.done} of ${progress.total} pictures`}
        />
      )}
      {error !== undefined && <FaultAlert error={error} />}
      {doubt && isDoubted && (
        <FormModal
          title={doubt.title}
          action={doubt.action}
          isComplete
          submit={async () => {
            start();
          }}
          close={() => setIsDoubted(false)}
        >
          {doubt.text}
        </FormModal>
      )}
    </SpaceBetween>
  );
}
