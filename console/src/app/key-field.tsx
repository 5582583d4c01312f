import { ListAliasesCommand, ListKeysCommand } from '@aws-sdk/client-kms';
import Autosuggest from '@cloudscape-design/components/autosuggest';
import FormField from '@cloudscape-design/components/form-field';
import { useQuery } from '@tanstack/react-query';
import { kms } from '../aws/kms.ts';

/** A KMS key, chosen among those there are or typed: whoever may not list keys may still use one. */
export function KeyField({ keyId, onChange }: { keyId: string; onChange(keyId: string): void }) {
  const { data = [], isPending } = useQuery({ queryKey: ['kms', 'choices'], queryFn: keyChoices });
  return (
    <FormField label="KMS key" constraintText="Its ARN, its id, or alias/name.">
      <Autosuggest
        value={keyId}
        options={data}
        statusType={isPending ? 'loading' : 'finished'}
        loadingText="Loading keys"
        empty="No keys of your own."
        enteredTextLabel={value => `Use “${value}”`}
        onChange={({ detail }) => onChange(detail.value.trim())}
      />
    </FormField>
  );
}

async function keyChoices(): Promise<{ value: string; description?: string }[]> {
  const [{ Keys = [] }, { Aliases = [] }] = await Promise.all([
    kms().send(new ListKeysCommand({ Limit: 1000 })),
    kms().send(new ListAliasesCommand({ Limit: 100 })),
  ]);
  // Keys that AWS manages for a service are not the customer's to choose.
  const managed = new Set(
    Aliases.filter(({ AliasName }) => AliasName?.startsWith('alias/aws/')).map(({ TargetKeyId }) => TargetKeyId),
  );
  const nameOf = new Map(Aliases.map(({ TargetKeyId, AliasName }) => [TargetKeyId, AliasName]));
  return Keys.filter(({ KeyId }) => !managed.has(KeyId)).map(({ KeyId, KeyArn = '' }) => {
    const alias = nameOf.get(KeyId);
    return { value: KeyArn, ...(alias !== undefined && { description: alias }) };
  });
}
