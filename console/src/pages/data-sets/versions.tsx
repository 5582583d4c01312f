import Select from '@cloudscape-design/components/select';
import { useQuery } from '@tanstack/react-query';
import { navigate } from '../../app/router.ts';
import { versionsOf } from './store.ts';

/** Another version of the same data set; none of them changes any more. */
export function Versions({ bucket, name, version }: { bucket: string; name: string; version: number }) {
  const { data = [version] } = useQuery({
    queryKey: ['data-sets', bucket, 'all versions', name],
    queryFn: () => versionsOf(bucket, name),
  });
  return (
    <Select
      ariaLabel="Version"
      selectedOption={{ value: String(version), label: `Version ${version}` }}
      options={data.toReversed().map(number => ({ value: String(number), label: `Version ${number}` }))}
      onChange={({ detail }) => {
        const query = new URLSearchParams({ bucket, name, version: detail.selectedOption.value ?? '' });
        navigate(`/data-sets/edit?${query}`);
      }}
    />
  );
}
