import { useQuery } from '@tanstack/react-query';
import { ResourceTable } from '../../app/resource-table.tsx';
import { To } from '../../app/show.tsx';
import { callRoute } from '../../aws/clients.ts';
import { placeOf } from '../../aws/s3-uri.ts';
import { dataSetOf } from './data-set-link.tsx';

interface DataError {
  line: number;
  imageRef?: string;
  reason: string;
}

interface DataErrorsAnswer {
  manifestUri: string | null;
  count: number;
  errors: DataError[];
  nextAfter: number | null;
}

function load(jobId: string, after = '', count = 1): Promise<DataErrorsAnswer> {
  const query = { after, maxResults: String(count) };
  return callRoute<DataErrorsAnswer>({ method: 'GET', path: `/jobs/${jobId}/data-errors`, query });
}

/** How many records a job could not use, and the first. */
export function useDataErrors(jobId: string) {
  return useQuery({ queryKey: ['data-errors', jobId], queryFn: () => load(jobId) });
}

/** The records of the data set that the job could not use; nothing where it failed for another reason. */
export function DataErrors({ jobId }: { jobId: string }) {
  // Whoever may not see them is told so by the table itself.
  const { data, error } = useDataErrors(jobId);
  if (!error && !data?.count) return null;
  const dataSet = dataSetOf(data?.manifestUri ?? undefined);
  return (
    <ResourceTable<DataError>
      name="Records that cannot be used"
      description={
        <>
          {data?.count.toLocaleString()} {data?.count === 1 ? 'line' : 'lines'} of {data?.manifestUri}.{' '}
          {dataSet && <To to={dataSet.to}>Mend them in the data set</To>}
        </>
      }
      queryKey={['data-errors', jobId, 'rows']}
      idOf={({ line, reason }) => `${line} ${reason}`}
      load={async ({ token, pageSize }) => {
        const { errors, nextAfter } = await load(jobId, token, pageSize);
        return { rows: errors, nextToken: nextAfter === null ? undefined : String(nextAfter) };
      }}
      columns={[
        { id: 'line', header: 'Line', isRowHeader: true, minWidth: 80, cell: ({ line }) => line },
        { id: 'record', header: 'Image', minWidth: 200, cell: ({ imageRef }) => <RecordLink imageRef={imageRef} /> },
        {
          id: 'reason',
          header: 'What is wrong',
          minWidth: 240,
          cell: ({ reason }) => <span className="path">{reason}</span>,
        },
      ]}
      empty={{ text: 'Every record can be used.' }}
    />
  );
}

function RecordLink({ imageRef }: { imageRef: string | undefined }) {
  const { bucket, key } = placeOf(imageRef ?? '');
  if (bucket === '') return imageRef ?? '–';
  const folder = key.slice(0, key.lastIndexOf('/') + 1);
  return <To to={`/s3/${bucket}?prefix=${encodeURIComponent(folder)}`}>{imageRef ?? ''}</To>;
}
