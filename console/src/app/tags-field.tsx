import AttributeEditor from '@cloudscape-design/components/attribute-editor';
import Input from '@cloudscape-design/components/input';

export interface Tag {
  key: string;
  value: string;
}

interface TagsFieldProps {
  tags: readonly Tag[];
  onChange(tags: Tag[]): void;
  /** "Add new tag" unless told otherwise. */
  addText?: string;
  empty?: string;
  keyLabel?: string;
}

/** Pairs of key and value, added and removed in place. */
export function TagsField({ tags, onChange, addText = 'Add new tag', empty, keyLabel = 'Key' }: TagsFieldProps) {
  const change = (index: number, part: Partial<Tag>) =>
    onChange(tags.map((tag, at) => (at === index ? { ...tag, ...part } : tag)));
  return (
    <AttributeEditor
      items={tags}
      addButtonText={addText}
      removeButtonText="Remove"
      empty={empty ?? 'No tags.'}
      onAddButtonClick={() => onChange([...tags, { key: '', value: '' }])}
      onRemoveButtonClick={({ detail }) => onChange(tags.filter((_, index) => index !== detail.itemIndex))}
      definition={[
        {
          label: keyLabel,
          control: (tag, index) => (
            <Input value={tag.key} onChange={({ detail }) => change(index, { key: detail.value })} />
          ),
        },
        {
          label: 'Value',
          control: (tag, index) => (
            <Input value={tag.value} onChange={({ detail }) => change(index, { value: detail.value })} />
          ),
        },
      ]}
    />
  );
}

/** What a request takes: whole tags alone. */
export function filledTags(tags: readonly Tag[]): Tag[] {
  return tags.filter(tag => tag.key !== '');
}
