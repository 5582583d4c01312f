import { ListObjectsV2Command } from '@aws-sdk/client-s3';
import BreadcrumbGroup from '@cloudscape-design/components/breadcrumb-group';
import Button from '@cloudscape-design/components/button';
import ButtonDropdown from '@cloudscape-design/components/button-dropdown';
import ContentLayout from '@cloudscape-design/components/content-layout';
import Header from '@cloudscape-design/components/header';
import ProgressBar from '@cloudscape-design/components/progress-bar';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useQueryClient } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { ConfirmDelete } from '../../app/confirm-delete.tsx';
import { FaultAlert } from '../../app/fault-alert.tsx';
import { notify } from '../../app/notices.ts';
import { readObject } from '../../app/object-image.tsx';
import type { PageProps } from '../../app/page-props.ts';
import { ResourceTable } from '../../app/resource-table.tsx';
import { hrefOf, usePlace } from '../../app/router.ts';
import { saveFile } from '../../app/save-file.ts';
import { size, To, when } from '../../app/show.tsx';
import { s3 } from '../../aws/s3.ts';
import { deleteObjects } from './delete.ts';
import { presignedUrl } from './presign.ts';
import { isViewable, Preview } from './preview.tsx';
import { uploadObject } from './upload.ts';

interface Entry {
  /** Ends in `/` for a folder. */
  key: string;
  sizeBytes: number | undefined;
  modifiedAt: Date | undefined;
}

interface UploadState {
  name: string;
  index: number;
  count: number;
  done: number;
  total: number;
  cancel: AbortController;
}

const PRESIGNED_SECONDS = 3600;

/** A bucket, folder by folder. */
export default function ObjectsPage({ params }: PageProps) {
  const bucket = params.bucket ?? '';
  const { query } = usePlace();
  const prefix = query.get('prefix') ?? '';
  const queries = useQueryClient();
  const files = useRef<HTMLInputElement>(null);
  const [error, setError] = useState<unknown>();
  const [upload, setUpload] = useState<UploadState>();
  const [deleting, setDeleting] = useState<readonly string[]>();
  const [shown, setShown] = useState<string>();
  const reload = () => queries.invalidateQueries({ queryKey: ['objects', bucket] });

  async function take(chosen: readonly File[]): Promise<void> {
    if (chosen.length === 0) return;
    setError(undefined);
    const cancel = new AbortController();
    const total = chosen.reduce((sum, file) => sum + file.size, 0);
    let before = 0;
    try {
      for (const [index, file] of chosen.entries()) {
        const state = { name: file.name, index, count: chosen.length, total, cancel };
        setUpload({ ...state, done: before });
        const started = before;
        const progress = (doneBytes: number) => setUpload({ ...state, done: started + doneBytes });
        await uploadObject({ bucket, key: prefix + file.name, file, signal: cancel.signal, progress });
        before += file.size;
      }
      notify('success', `Uploaded ${chosen.length} ${chosen.length === 1 ? 'object' : 'objects'}.`);
    } catch (thrown) {
      if (cancel.signal.aborted) notify('info', 'The upload was cancelled; nothing of its object stays.');
      else setError(thrown);
    }
    setUpload(undefined);
    reload();
  }

  async function act(action: string, key: string): Promise<void> {
    setError(undefined);
    try {
      if (action === 'view') setShown(key);
      if (action === 'uri') await navigator.clipboard.writeText(`s3://${bucket}/${key}`);
      if (action === 'presign') {
        const url = await presignedUrl(bucket, key, PRESIGNED_SECONDS);
        await navigator.clipboard.writeText(url);
        notify('success', 'Copied an address that opens the object for an hour, to whoever has it.');
      }
      if (action === 'download') await download(bucket, key);
    } catch (thrown) {
      setError(thrown);
    }
  }

  const parts = prefix.split('/').filter(part => part !== '');
  return (
    <ContentLayout header={<Header variant="h1">{bucket}</Header>}>
      <SpaceBetween size="m">
        {parts.length > 0 && (
          <BreadcrumbGroup
            ariaLabel="Folders"
            items={[
              { text: bucket, href: hrefOf(`/s3/${bucket}`) },
              ...parts.map((text, index) => ({
                text,
                href: hrefOf(`/s3/${bucket}?prefix=${encodeURIComponent(`${parts.slice(0, index + 1).join('/')}/`)}`),
              })),
            ]}
          />
        )}
        {error !== undefined && <FaultAlert error={error} />}
        {upload && (
          <SpaceBetween direction="horizontal" size="s" alignItems="center">
            <ProgressBar
              value={upload.total === 0 ? 0 : (100 * upload.done) / upload.total}
              label={`Uploading ${upload.name}`}
              additionalInfo={`${upload.index + 1} of ${upload.count}; ${size(upload.done)} of ${size(upload.total)}`}
            />
            <Button onClick={() => upload.cancel.abort()}>Cancel upload</Button>
          </SpaceBetween>
        )}
        <ResourceTable<Entry>
          key={prefix}
          name="Objects"
          queryKey={['objects', bucket, prefix]}
          filterLabel="Find by the beginning of the name"
          selection="multi"
          idOf={({ key }) => key}
          load={async ({ token, filter, pageSize }) => {
            const answer = await s3().send(
              new ListObjectsV2Command({
                Bucket: bucket,
                Prefix: prefix + (filter ?? ''),
                Delimiter: '/',
                MaxKeys: pageSize,
                ContinuationToken: token,
              }),
            );
            const folders = (answer.CommonPrefixes ?? []).map(({ Prefix = '' }) => ({ key: Prefix }));
            const objects = (answer.Contents ?? []).filter(({ Key }) => Key !== prefix);
            return {
              rows: [
                ...folders.map(({ key }) => ({ key, sizeBytes: undefined, modifiedAt: undefined })),
                ...objects.map(({ Key = '', Size, LastModified }) => ({
                  key: Key,
                  sizeBytes: Size,
                  modifiedAt: LastModified,
                })),
              ],
              nextToken: answer.NextContinuationToken,
            };
          }}
          columns={[
            {
              id: 'name',
              header: 'Name',
              isRowHeader: true,
              cell: ({ key }) =>
                key.endsWith('/') ? (
                  <To to={`/s3/${bucket}?prefix=${encodeURIComponent(key)}`}>{key.slice(prefix.length)}</To>
                ) : (
                  key.slice(prefix.length)
                ),
            },
            { id: 'size', header: 'Size', cell: ({ sizeBytes }) => size(sizeBytes) },
            { id: 'modified', header: 'Last modified', cell: ({ modifiedAt }) => when(modifiedAt) },
          ]}
          actions={selected => (
            <>
              <ButtonDropdown
                disabled={selected.length !== 1 || selected[0]?.key.endsWith('/')}
                items={[
                  { id: 'view', text: 'View', disabled: !isViewable(selected[0]?.key ?? '') },
                  { id: 'download', text: 'Download' },
                  { id: 'uri', text: 'Copy S3 URI' },
                  { id: 'presign', text: 'Copy presigned URL' },
                ]}
                onItemClick={({ detail }) => act(detail.id, selected[0]?.key ?? '')}
              >
                Actions
              </ButtonDropdown>
              <Button disabled={selected.length === 0} onClick={() => setDeleting(selected.map(({ key }) => key))}>
                Delete
              </Button>
              <Button variant="primary" loading={upload !== undefined} onClick={() => files.current?.click()}>
                Upload
              </Button>
            </>
          )}
          empty={{ text: 'Nothing lies here.' }}
        />
        <input
          ref={files}
          type="file"
          multiple
          hidden
          aria-label="Files to upload"
          onChange={event => {
            take([...(event.target.files ?? [])]);
            // The same file may be chosen again.
            event.target.value = '';
          }}
        />
      </SpaceBetween>
      {deleting !== undefined && (
        <ConfirmDelete
          what={deleting.length === 1 ? (deleting[0]?.endsWith('/') ? 'folder' : 'object') : 'objects'}
          name={deleting.length === 1 ? (deleting[0] ?? '') : `(${deleting.length})`}
          consequence="They are gone for good, a folder with all that lies in it, unless the bucket keeps versions."
          remove={() => deleteObjects(bucket, deleting)}
          removed={reload}
          close={() => setDeleting(undefined)}
        />
      )}
      {shown !== undefined && <Preview bucket={bucket} objectKey={shown} close={() => setShown(undefined)} />}
    </ContentLayout>
  );
}

async function download(bucket: string, key: string): Promise<void> {
  saveFile(await readObject(bucket, key), key.slice(key.lastIndexOf('/') + 1));
}
