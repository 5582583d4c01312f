import { ListObjectsV2Command } from '@aws-sdk/client-s3';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import ContentLayout from '@cloudscape-design/components/content-layout';
import Header from '@cloudscape-design/components/header';
import { useQuery } from '@tanstack/react-query';
import { BucketField, useBuckets } from '../../app/bucket-field.tsx';
import { useDraft } from '../../app/draft.ts';
import { FaultAlert } from '../../app/fault-alert.tsx';
import { ResourceTable } from '../../app/resource-table.tsx';
import { hrefOf } from '../../app/router.ts';
import { To } from '../../app/show.tsx';
import { s3 } from '../../aws/s3.ts';
import { FOLDER, manifestUri, versionsOf } from './store.ts';

/** Data sets that were saved here, in one bucket. */
export default function DataSetsPage() {
  const buckets = useBuckets();
  const [chosen, change] = useDraft('data-sets', { bucket: '' });
  const bucket = chosen.bucket || (buckets.data?.[0]?.Name ?? '');
  return (
    <ContentLayout
      header={
        <Header variant="h1" description="Pictures with a caption each, ready for a fine-tuning job.">
          Data sets
        </Header>
      }
    >
      {buckets.error ? (
        <FaultAlert error={buckets.error} retry={() => buckets.refetch()} />
      ) : (
        <ResourceTable<string>
          name="Data sets"
          queryKey={['data-sets', bucket]}
          filterLabel="Find by the beginning of the name"
          idOf={name => name}
          selection="single"
          above={<BucketField bucket={bucket} onChange={next => change({ bucket: next })} />}
          load={async ({ token, filter, pageSize }) => {
            if (bucket === '') return { rows: [] };
            const answer = await s3().send(
              new ListObjectsV2Command({
                Bucket: bucket,
                Prefix: FOLDER + (filter ?? ''),
                Delimiter: '/',
                MaxKeys: pageSize,
                ContinuationToken: token,
              }),
            );
            const names = (answer.CommonPrefixes ?? []).map(({ Prefix = '' }) => Prefix.slice(FOLDER.length, -1));
            return { rows: names, nextToken: answer.NextContinuationToken };
          }}
          columns={[
            {
              id: 'name',
              header: 'Name',
              isRowHeader: true,
              cell: name => <Latest bucket={bucket} name={name} shows="name" />,
            },
            { id: 'version', header: 'Version', cell: name => <Latest bucket={bucket} name={name} shows="version" /> },
            { id: 'uri', header: 'Training dataset', cell: name => <Latest bucket={bucket} name={name} shows="uri" /> },
          ]}
          actions={([name]) => (
            <>
              <Train bucket={bucket} name={name} />
              <Button variant="primary" href={hrefOf('/data-sets/edit')}>
                Create data set
              </Button>
            </>
          )}
          empty={{
            text: 'No data sets yet. Bring your own pictures, or take the sample of Ron the dog and Smila the cat.',
            action: <Button href={hrefOf('/data-sets/edit')}>Create data set</Button>,
          }}
        />
      )}
    </ContentLayout>
  );
}

function useLatest(bucket: string, name: string | undefined): number | undefined {
  const { data } = useQuery({
    queryKey: ['data-sets', bucket, 'versions', name],
    enabled: name !== undefined,
    queryFn: async () => (await versionsOf(bucket, name ?? '')).at(-1) ?? 0,
  });
  return data;
}

function Latest({ bucket, name, shows }: { bucket: string; name: string; shows: 'name' | 'version' | 'uri' }) {
  const version = useLatest(bucket, name);
  if (shows === 'version') return version ?? '–';
  if (shows === 'uri') return version ? <Box variant="code">{manifestUri(bucket, name, version)}</Box> : '–';
  const query = new URLSearchParams({ bucket, name, version: String(version ?? '') });
  return <To to={`/data-sets/edit?${query}`}>{name}</To>;
}

function Train({ bucket, name }: { bucket: string; name: string | undefined }) {
  const version = useLatest(bucket, name);
  const uri = name === undefined || !version ? '' : manifestUri(bucket, name, version);
  return (
    <Button disabled={uri === ''} href={hrefOf(`/custom-models/create?data=${encodeURIComponent(uri)}`)}>
      Create fine-tuning job
    </Button>
  );
}
