import Button from '@cloudscape-design/components/button';
import FormField from '@cloudscape-design/components/form-field';
import Input from '@cloudscape-design/components/input';
import SpaceBetween from '@cloudscape-design/components/space-between';
import StatusIndicator from '@cloudscape-design/components/status-indicator';
import { useEffect, useMemo, useRef, useState } from 'react';
import { FaultAlert } from '../../app/fault-alert.tsx';
import { FormModal } from '../../app/form-modal.tsx';
import { useObjectUrl } from '../../app/object-image.tsx';
import { MaskPainter } from '../image-playground/mask-painter.tsx';
import { blank, type Painting, withStep } from '../image-playground/painting.ts';
import { triggersOf } from './caption-tools.tsx';
import { draftNow, setMasks } from './draft.ts';
import { maskSubject } from './find-masks.tsx';
import { findMask, LEAST_SHARE, readMask, shapeOf, shareOf, trainingMask } from './masks.ts';
import type { ReadPicture } from './picture-by-picture.tsx';

interface MaskEditorProps {
  draftKey: string;
  picture: ReadPicture;
  close(): void;
}

/** Which part of one picture teaches: painted, or found by words and then painted over. */
export function MaskEditor({ draftKey, picture, close }: MaskEditorProps) {
  const { id, name, blob, facts } = picture;
  const url = useObjectUrl(blob);
  const [before] = useState(() => draftNow(draftKey).masks.get(id));
  const [painting, setPainting] = useState<Painting>(blank);
  const [opened, setOpened] = useState<Painting>(blank);
  const [isLeaving, setIsLeaving] = useState(false);
  const [subject, setSubject] = useState(() => {
    const draft = draftNow(draftKey);
    return maskSubject(draft, triggersOf(draft), id) ?? '';
  });
  const [isBusy, setIsBusy] = useState(before !== undefined);
  const [isFound, setIsFound] = useState(true);
  const [error, setError] = useState<unknown>();
  const closing = useRef(new AbortController());
  const share = useMemo(() => shareOf(painting, facts), [painting, facts]);

  useEffect(() => {
    const stopper = new AbortController();
    closing.current = stopper;
    if (before)
      readMask(before)
        .then(shapeOf)
        .then(shape => {
          const drawn: Painting = { done: [{ kind: 'shape', shape }], undone: [] };
          setPainting(drawn);
          setOpened(drawn);
        })
        .catch(setError)
        .finally(() => setIsBusy(false));
    return () => stopper.abort();
  }, [before]);

  async function find(): Promise<void> {
    const { signal } = closing.current;
    setIsBusy(true);
    setError(undefined);
    setIsFound(true);
    try {
      const found = await findMask(blob, subject.trim(), signal);
      setIsFound(found !== undefined);
      if (found) {
        const shape = await shapeOf(found.png);
        setPainting(now => withStep(now, { kind: 'shape', shape }));
      }
    } catch (thrown) {
      if (!signal.aborted) setError(thrown);
    }
    setIsBusy(false);
  }

  const isEmpty = share < LEAST_SHARE;
  const isPainted =
    painting.done.length !== opened.done.length || !painting.done.every(step => opened.done.includes(step));
  // Beside the editor, not in it: Escape is then of the question alone.
  const question = isLeaving && (
    <FormModal
      title="Discard what you painted?"
      action="Discard it"
      isComplete
      submit={async () => close()}
      close={() => setIsLeaving(false)}
    >
      The mask of {name} stays as it was before.
    </FormModal>
  );
  return (
    <>
      <FormModal
        title={`Mask of ${name}`}
        action={isEmpty && before ? 'Remove mask' : 'Keep mask'}
        isComplete={!isBusy && (!isEmpty || before !== undefined)}
        isLarge
        submit={async () =>
          setMasks(draftKey, new Map([[id, isEmpty ? undefined : await trainingMask(painting, facts)]]))
        }
        close={close}
        leave={() => (isPainted ? setIsLeaving(true) : close())}
      >
        <SpaceBetween size="m">
          <FormField
            label="Subject"
            description="Words for what to find. What is found can be painted over and erased."
          >
            <div className="beside">
              <Input value={subject} placeholder="the dog" onChange={({ detail }) => setSubject(detail.value)} />
              <Button loading={isBusy} disabled={subject.trim() === ''} onClick={find}>
                Find the subject
              </Button>
            </div>
          </FormField>
          {!isFound && <StatusIndicator type="warning">No such subject was found here.</StatusIndicator>}
          {error !== undefined && <FaultAlert error={error} />}
          {url !== undefined && (
            <MaskPainter
              image={{ name, url, width: facts.width, height: facts.height }}
              painting={painting}
              share={share}
              change={setPainting}
            />
          )}
        </SpaceBetween>
      </FormModal>
      {question}
    </>
  );
}
