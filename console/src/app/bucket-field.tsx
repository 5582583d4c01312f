import { ListBucketsCommand } from '@aws-sdk/client-s3';
import FormField from '@cloudscape-design/components/form-field';
import Select from '@cloudscape-design/components/select';
import { useQuery } from '@tanstack/react-query';
import { s3 } from '../aws/s3.ts';
import { currentRegion } from './preferences.ts';

interface BucketFieldProps {
  bucket: string;
  onChange(bucket: string): void;
  description?: string;
  /** Buckets that do not exist yet may be named too. */
  isNewAllowed?: boolean;
}

export function useBuckets() {
  return useQuery({
    queryKey: ['buckets'],
    queryFn: async () => {
      const { Buckets = [] } = await s3().send(new ListBucketsCommand({ BucketRegion: currentRegion() }));
      return Buckets;
    },
  });
}

/** A bucket of the shown Region. */
export function BucketField({ bucket, onChange, description, isNewAllowed = false }: BucketFieldProps) {
  const { data, error, isPending } = useBuckets();
  const names = (data ?? []).map(({ Name = '' }) => Name);
  const isNew = isNewAllowed && bucket !== '' && data !== undefined && !names.includes(bucket);
  const options = [...(isNew ? [bucket] : []), ...names].map(value => ({
    value,
    label: value,
    ...(value === bucket && isNew && { description: 'Will be made' }),
  }));
  return (
    <FormField label="Bucket" description={description} errorText={error?.message}>
      <Select
        options={options}
        selectedOption={options.find(({ value }) => value === bucket) ?? null}
        placeholder="Choose a bucket"
        filteringType="auto"
        statusType={isPending ? 'loading' : 'finished'}
        empty="There is no bucket in this Region."
        onChange={({ detail }) => onChange(detail.selectedOption.value ?? '')}
      />
    </FormField>
  );
}
