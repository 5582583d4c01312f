import Alert from '@cloudscape-design/components/alert';
import FormField from '@cloudscape-design/components/form-field';
import { base64Of } from '../../app/base64.ts';
import { callRoute } from '../../aws/clients.ts';
import { type DataSetDraft, draftNow, setCaptions } from './draft.ts';
import { useIsCaptionedByEmbedded } from './photographs-seen.tsx';
import { PictureByPicture, type ReadPicture, readPictures } from './picture-by-picture.tsx';

interface AutoCaptionsProps {
  draftKey: string;
  draft: DataSetDraft;
  triggers: readonly string[];
  arePhotographs: boolean;
}

/** Asks the captioning model about every picture that has no caption; what a person wrote stays. */
export function AutoCaptions({ draftKey, draft, triggers, arePhotographs }: AutoCaptionsProps) {
  const isByEmbedded = useIsCaptionedByEmbedded(arePhotographs);
  const isWithout = (id: string) => (draftNow(draftKey).captions.get(id) ?? '').trim() === '';
  const waiting = readPictures(draft).filter(({ id }) => (draft.captions.get(id) ?? '').trim() === '');
  // Of two subjects nobody says here which picture shows which.
  const triggerWord = triggers.length === 1 ? triggers[0] : undefined;

  async function make({ id, blob }: ReadPicture, signal: AbortSignal): Promise<boolean> {
    if (!isWithout(id)) return false;
    const body = { image: await base64Of(blob), ...(triggerWord !== undefined && { triggerWord }) };
    const { caption } = await callRoute<{ caption: string }>({ method: 'POST', path: '/captions', body, signal });
    if (!isWithout(id)) return false;
    setCaptions(draftKey, new Map([[id, caption]]));
    return true;
  }

  return (
    <FormField
      label="Automatic captions"
      description="A model on this machine says what each picture shows. With one trigger word, it calls the subject so."
    >
      <PictureByPicture
        draftKey={draftKey}
        waiting={waiting}
        texts={{
          start: `Write ${waiting.length} missing ${waiting.length === 1 ? 'caption' : 'captions'}`,
          stop: 'Stop writing captions',
          progress: 'Writing captions',
        }}
        make={make}
        doubt={
          arePhotographs && isByEmbedded !== false
            ? {
                title: 'Captions of photographs?',
                action: 'Write them all the same',
                text: (
                  <Alert type="warning">
                    {isByEmbedded === undefined && 'Unless another model that captions is registered, '}
                    {isByEmbedded ? 'The' : 'the'} embedded model writes them, and it knows its own drawings only: what
                    it says of a photograph is mostly wrong, and a wrong caption teaches the wrong thing. Write the
                    captions yourself, or have an administrator add a BLIP folder under Base models first.
                  </Alert>
                ),
              }
            : undefined
        }
        outcome={made => `${made} ${made === 1 ? 'caption' : 'captions'} written. Read them: a model may be mistaken.`}
      />
    </FormField>
  );
}
