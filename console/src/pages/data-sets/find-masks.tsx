import Box from '@cloudscape-design/components/box';
import ExpandableSection from '@cloudscape-design/components/expandable-section';
import FormField from '@cloudscape-design/components/form-field';
import Input from '@cloudscape-design/components/input';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { triggersOf } from './caption-tools.tsx';
import { changeDraft, type DataSetDraft, draftNow, setMasks } from './draft.ts';
import { findMask } from './masks.ts';
import { PictureByPicture, type ReadPicture, readPictures } from './picture-by-picture.tsx';
import { subjectOf } from './records.ts';

/** Looks for the subject in every picture that has no mask; what a person painted stays. */
export function FindMasks({ draftKey, draft }: { draftKey: string; draft: DataSetDraft }) {
  const triggers = triggersOf(draft);
  const waiting = readPictures(draft).filter(
    ({ id }) => !draft.masks.has(id) && maskSubject(draft, triggers, id) !== undefined,
  );

  async function make({ id, blob }: ReadPicture, signal: AbortSignal): Promise<boolean> {
    const isWanted = () => {
      const now = draftNow(draftKey);
      // A picture that was mended meanwhile is another.
      return !now.masks.has(id) && now.pictures.some(picture => picture.id === id && picture.blob === blob);
    };
    const subject = maskSubject(draftNow(draftKey), triggers, id);
    if (subject === undefined || !isWanted()) return false;
    const mask = await findMask(blob, subject, signal);
    if (mask === undefined || !isWanted()) return false;
    setMasks(draftKey, new Map([[id, mask]]));
    return true;
  }

  return (
    <ExpandableSection
      variant="container"
      headerText="Masks - optional"
      headingTagOverride="h2"
      headerCounter={`(${draft.pictures.filter(({ id }) => draft.masks.has(id)).length})`}
      headerDescription="What a mask leaves out is hardly learnt: the couch in every picture does not become part of the dog."
    >
      <SpaceBetween size="s">
        <FormField
          label="Subject"
          description="Words that a model on this machine finds it by. Left empty, the last word of the trigger word in each caption: “the dog” for “Ron the dog”."
        >
          <Input
            value={draft.subject}
            placeholder="the dog"
            onChange={({ detail }) => changeDraft(draftKey, { subject: detail.value })}
          />
        </FormField>
        <PictureByPicture
          draftKey={draftKey}
          waiting={waiting}
          texts={{
            start: `Find ${waiting.length} missing ${waiting.length === 1 ? 'mask' : 'masks'}`,
            stop: 'Stop finding masks',
            progress: 'Finding masks',
          }}
          make={make}
          outcome={(made, asked) =>
            `Masks found: ${made} of ${asked}. Look at them: a model may be mistaken, and each can be painted over.`
          }
        />
        <Box color="text-body-secondary" fontSize="body-s">
          Or paint one: “Add mask” at its picture.
        </Box>
      </SpaceBetween>
    </ExpandableSection>
  );
}

/** What to look for in one picture; undefined where nobody says. */
export function maskSubject(draft: DataSetDraft, triggers: readonly string[], id: string): string | undefined {
  return draft.subject.trim() || subjectOf(draft.captions.get(id) ?? '', triggers);
}
