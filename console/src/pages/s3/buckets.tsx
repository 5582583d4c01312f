import { type Bucket, DeleteBucketCommand, ListBucketsCommand } from '@aws-sdk/client-s3';
import Button from '@cloudscape-design/components/button';
import ContentLayout from '@cloudscape-design/components/content-layout';
import Header from '@cloudscape-design/components/header';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { ConfirmDelete } from '../../app/confirm-delete.tsx';
import { FormModal } from '../../app/form-modal.tsx';
import { NameField } from '../../app/name-field.tsx';
import { isName } from '../../app/names.ts';
import { notify } from '../../app/notices.ts';
import { ResourceTable } from '../../app/resource-table.tsx';
import { To, when } from '../../app/show.tsx';
import { createBucket } from '../../aws/buckets.ts';
import { s3 } from '../../aws/s3.ts';

export default function BucketsPage() {
  const queries = useQueryClient();
  const [deleting, setDeleting] = useState<string>();
  const [creating, setCreating] = useState(false);
  const reload = () => queries.invalidateQueries({ queryKey: ['buckets'] });
  return (
    <ContentLayout
      header={
        <Header variant="h1" description="Where data sets lie, and what jobs write.">
          S3
        </Header>
      }
    >
      <ResourceTable<Bucket>
        name="Buckets"
        queryKey={['buckets', 'table']}
        filterLabel="Find by the beginning of the name"
        selection="single"
        idOf={bucket => bucket.Name ?? ''}
        load={async ({ token, filter, pageSize }) => {
          const answer = await s3().send(
            new ListBucketsCommand({ Prefix: filter, MaxBuckets: pageSize, ContinuationToken: token }),
          );
          return { rows: answer.Buckets ?? [], nextToken: answer.ContinuationToken };
        }}
        columns={[
          {
            id: 'name',
            header: 'Name',
            isRowHeader: true,
            cell: ({ Name = '' }) => <To to={`/s3/${Name}`}>{Name}</To>,
          },
          { id: 'region', header: 'Region', cell: ({ BucketRegion }) => BucketRegion ?? '–' },
          { id: 'created', header: 'Creation time', cell: ({ CreationDate }) => when(CreationDate) },
        ]}
        actions={([bucket]) => (
          <>
            <Button disabled={!bucket} onClick={() => setDeleting(bucket?.Name)}>
              Delete
            </Button>
            <Button variant="primary" onClick={() => setCreating(true)}>
              Create bucket
            </Button>
          </>
        )}
        empty={{
          text: 'No buckets yet.',
          action: <Button onClick={() => setCreating(true)}>Create bucket</Button>,
        }}
      />
      {deleting !== undefined && (
        <ConfirmDelete
          what="bucket"
          name={deleting}
          consequence="Only an empty bucket can be deleted."
          remove={() => s3().send(new DeleteBucketCommand({ Bucket: deleting }))}
          removed={reload}
          close={() => setDeleting(undefined)}
        />
      )}
      {creating && <CreateBucket created={reload} close={() => setCreating(false)} />}
    </ContentLayout>
  );
}

function CreateBucket({ created, close }: { created(): void; close(): void }) {
  const [name, setName] = useState('');
  return (
    <FormModal
      title="Create bucket"
      action="Create bucket"
      isComplete={isName('bucket', name)}
      submit={() => createBucket(name)}
      done={() => {
        notify('success', `Created bucket ${name}.`);
        created();
      }}
      close={close}
    >
      <NameField label="Bucket name" kind="bucket" name={name} change={setName} />
    </FormModal>
  );
}
