import {
  ListTagsForResourceCommand,
  TagResourceCommand,
  type Tag as TagShape,
  UntagResourceCommand,
} from '@aws-sdk/client-bedrock';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import KeyValuePairs from '@cloudscape-design/components/key-value-pairs';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { bedrock } from '../aws/bedrock.ts';
import { FaultAlert } from './fault-alert.tsx';
import { FormModal } from './form-modal.tsx';
import { notify } from './notices.ts';
import { filledTags, type Tag, TagsField } from './tags-field.tsx';

export function useTags(arn: string | undefined) {
  return useQuery({
    queryKey: ['tags', arn],
    enabled: arn !== undefined,
    queryFn: async () => {
      const { tags = [] } = await bedrock().send(new ListTagsForResourceCommand({ resourceARN: arn }));
      return tags.map(({ key = '', value = '' }: TagShape) => ({ key, value }));
    },
  });
}

/** Makes the tags of a resource what they shall be. */
export async function saveTags(arn: string | undefined, before: readonly Tag[], after: readonly Tag[]): Promise<void> {
  const wanted = filledTags(after);
  const gone = before.filter(({ key }) => wanted.every(tag => tag.key !== key)).map(({ key }) => key);
  const set = wanted.filter(({ key, value }) => before.find(tag => tag.key === key)?.value !== value);
  if (set.length > 0) await bedrock().send(new TagResourceCommand({ resourceARN: arn, tags: set }));
  if (gone.length > 0) await bedrock().send(new UntagResourceCommand({ resourceARN: arn, tagKeys: gone }));
}

/** The tags of a resource of Bedrock, and their change. */
export function ResourceTags({ arn }: { arn: string | undefined }) {
  const { data = [], error, isPending, refetch } = useTags(arn);
  const [isEditing, setIsEditing] = useState(false);
  return (
    <Container
      header={
        <Header
          variant="h2"
          actions={
            <Button disabled={isPending || error !== null} onClick={() => setIsEditing(true)}>
              Manage tags
            </Button>
          }
        >
          Tags
        </Header>
      }
    >
      {error && <FaultAlert error={error} />}
      {!error && data.length === 0 && <Box color="text-body-secondary">No tags.</Box>}
      {data.length > 0 && (
        <KeyValuePairs columns={3} items={data.map(({ key, value }) => ({ label: key, value: value || '–' }))} />
      )}
      {isEditing && <ManageTags arn={arn} tags={data} saved={() => refetch()} close={() => setIsEditing(false)} />}
    </Container>
  );
}

interface ManageTagsProps {
  arn: string | undefined;
  tags: readonly Tag[];
  saved(): void;
  close(): void;
}

function ManageTags({ arn, tags, saved, close }: ManageTagsProps) {
  const [draft, setDraft] = useState(tags);
  return (
    <FormModal
      title="Manage tags"
      action="Save changes"
      isComplete
      submit={() => saveTags(arn, tags, draft)}
      done={() => {
        notify('success', 'The tags are saved.');
        saved();
      }}
      close={close}
    >
      <TagsField tags={draft} onChange={setDraft} />
    </FormModal>
  );
}
