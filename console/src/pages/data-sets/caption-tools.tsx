import Button from '@cloudscape-design/components/button';
import ColumnLayout from '@cloudscape-design/components/column-layout';
import ExpandableSection from '@cloudscape-design/components/expandable-section';
import FormField from '@cloudscape-design/components/form-field';
import Input from '@cloudscape-design/components/input';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Textarea from '@cloudscape-design/components/textarea';
import { useState } from 'react';
import { notify } from '../../app/notices.ts';
import { AutoCaptions } from './auto-captions.tsx';
import { changeDraft, type DataSetDraft, remember, setCaptions } from './draft.ts';
import { replaced, withTrigger } from './records.ts';

/** Words that every caption should hold, one a line. */
export function triggersOf(draft: DataSetDraft): string[] {
  return draft.triggers
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '');
}

const TRIGGERS_ID = 'trigger-words';

/** Brings them into sight, ready to be typed into; they must be open. */
export function showTriggerWords(): void {
  const field = document.getElementById(TRIGGERS_ID);
  field?.scrollIntoView({ block: 'center' });
  field?.focus();
}

interface CaptionToolsProps {
  draftKey: string;
  draft: DataSetDraft;
  arePhotographs: boolean;
  isOpen: boolean;
  setOpen(isOpen: boolean): void;
}

/** Edits of all captions at once. */
export function CaptionTools({ draftKey, draft, arePhotographs, isOpen, setOpen }: CaptionToolsProps) {
  const [find, setFind] = useState('');
  const [by, setBy] = useState('');
  const triggers = triggersOf(draft);
  const present = new Map(draft.pictures.map(({ id }) => [id, draft.captions.get(id) ?? '']));

  const named = withTrigger(present, triggers);

  function apply(changed: ReadonlyMap<string, string>): void {
    remember(draftKey);
    setCaptions(draftKey, changed);
    notify('info', `${changed.size} ${changed.size === 1 ? 'caption' : 'captions'} changed.`);
  }

  return (
    <ExpandableSection
      variant="container"
      headerText="All captions"
      headingTagOverride="h2"
      headerDescription="Trigger words, automatic captions, find and replace."
      expanded={isOpen}
      onChange={({ detail }) => setOpen(detail.expanded)}
    >
      <ColumnLayout columns={2}>
        <FormField
          controlId={TRIGGERS_ID}
          label="Trigger words"
          description="The subject’s name with its class, one a line: “Ron the dog”. The name is new to the model, the class lets it start from what it knows."
        >
          <SpaceBetween size="xs">
            <Textarea
              rows={2}
              value={draft.triggers}
              placeholder="Ron the dog"
              onChange={({ detail }) => changeDraft(draftKey, { triggers: detail.value })}
            />
            <Button
              disabled={named.size === 0}
              disabledReason={triggers.length === 0 ? 'Name the subject first.' : 'Every caption has one.'}
              onClick={() => apply(named)}
            >
              Put “{triggers[0] ?? '…'}” before captions without one
            </Button>
          </SpaceBetween>
        </FormField>
        <SpaceBetween size="xs">
          <FormField label="Find in captions">
            <Input value={find} onChange={({ detail }) => setFind(detail.value)} />
          </FormField>
          <FormField label="Replace by">
            <Input value={by} onChange={({ detail }) => setBy(detail.value)} />
          </FormField>
          <Button disabled={find === ''} onClick={() => apply(replaced(present, find, by))}>
            Replace in {replaced(present, find, by).size} captions
          </Button>
        </SpaceBetween>
        <AutoCaptions {...{ draftKey, draft, triggers, arePhotographs }} />
      </ColumnLayout>
    </ExpandableSection>
  );
}
