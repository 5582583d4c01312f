import Button from '@cloudscape-design/components/button';
import FormField from '@cloudscape-design/components/form-field';
import ProgressBar from '@cloudscape-design/components/progress-bar';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useEffect, useRef, useState } from 'react';
import { base64Of } from '../../app/base64.ts';
import { FaultAlert } from '../../app/fault-alert.tsx';
import { notify } from '../../app/notices.ts';
import { callRoute } from '../../aws/clients.ts';
import { type DataSetDraft, draftNow, remember, setCaptions } from './draft.ts';

interface AutoCaptionsProps {
  draftKey: string;
  draft: DataSetDraft;
  triggers: readonly string[];
}

/** Asks the captioning model about every picture that has no caption, one after the other; what a person wrote stays. */
export function AutoCaptions({ draftKey, draft, triggers }: AutoCaptionsProps) {
  const [progress, setProgress] = useState<{ done: number; total: number }>();
  const [error, setError] = useState<unknown>();
  const stop = useRef<AbortController>(undefined);
  useEffect(() => () => stop.current?.abort(), []);
  const isWithout = (id: string) => (draftNow(draftKey).captions.get(id) ?? '').trim() === '';
  const without = draft.pictures.filter(
    ({ id, blob, failure }) => blob && failure === undefined && (draft.captions.get(id) ?? '').trim() === '',
  );
  // Of two subjects nobody says here which picture shows which.
  const triggerWord = triggers.length === 1 ? triggers[0] : undefined;

  async function write(): Promise<void> {
    const stopper = new AbortController();
    stop.current = stopper;
    const { signal } = stopper;
    setError(undefined);
    remember(draftKey);
    let count = 0;
    try {
      for (const [done, { id, blob }] of without.entries()) {
        if (signal.aborted) break;
        setProgress({ done, total: without.length });
        if (blob === undefined || !isWithout(id)) continue;
        const body = { image: await base64Of(blob), ...(triggerWord !== undefined && { triggerWord }) };
        const { caption } = await callRoute<{ caption: string }>({ method: 'POST', path: '/captions', body });
        if (signal.aborted || !isWithout(id)) continue;
        setCaptions(draftKey, new Map([[id, caption]]));
        count += 1;
      }
    } catch (thrown) {
      setError(thrown);
    }
    setProgress(undefined);
    notify('info', `${count} ${count === 1 ? 'caption' : 'captions'} written. Read them: a model may be mistaken.`);
  }

  return (
    <FormField
      label="Automatic captions"
      description="A model on this machine says what each picture shows. With one trigger word, it calls the subject so."
    >
      <SpaceBetween size="xs">
        <SpaceBetween direction="horizontal" size="xs">
          <Button disabled={without.length === 0} loading={progress !== undefined} onClick={write}>
            Write {without.length} missing {without.length === 1 ? 'caption' : 'captions'}
          </Button>
          {progress && <Button onClick={() => stop.current?.abort()}>Stop writing captions</Button>}
        </SpaceBetween>
        {progress && (
          <ProgressBar
            value={(100 * progress.done) / progress.total}
            label="Writing captions"
            additionalInfo={`${progress.done} of ${progress.total} pictures`}
          />
        )}
        {error !== undefined && <FaultAlert error={error} />}
      </SpaceBetween>
    </FormField>
  );
}
