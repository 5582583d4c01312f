import { DeleteObjectCommand, ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3';
import Box from '@cloudscape-design/components/box';
import BreadcrumbGroup from '@cloudscape-design/components/breadcrumb-group';
import Button from '@cloudscape-design/components/button';
import ButtonDropdown from '@cloudscape-design/components/button-dropdown';
import ContentLayout from '@cloudscape-design/components/content-layout';
import Header from '@cloudscape-design/components/header';
import Modal from '@cloudscape-design/components/modal';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useQueryClient } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { ConfirmDelete } from '../../app/confirm-delete.tsx';
import { FaultAlert } from '../../app/fault-alert.tsx';
import { notify } from '../../app/notices.ts';
import { ObjectImage, readObject } from '../../app/object-image.tsx';
import type { PageProps } from '../../app/page-props.ts';
import { ResourceTable } from '../../app/resource-table.tsx';
import { hrefOf, usePlace } from '../../app/router.ts';
import { saveFile } from '../../app/save-file.ts';
import { size, To, when } from '../../app/show.tsx';
import { s3 } from '../../aws/s3.ts';
import { presignedUrl } from './presign.ts';

interface Entry {
  /** Ends in `/` for a folder. */
  key: string;
  sizeBytes: number | undefined;
  modifiedAt: Date | undefined;
}

const PICTURE = /\.(png|jpe?g|webp|gif)$/i;
const PRESIGNED_SECONDS = 3600;

/** A bucket, folder by folder. */
export default function ObjectsPage({ params }: PageProps) {
  const bucket = params.bucket ?? '';
  const { query } = usePlace();
  const prefix = query.get('prefix') ?? '';
  const queries = useQueryClient();
  const files = useRef<HTMLInputElement>(null);
  const [error, setError] = useState<unknown>();
  const [isUploading, setIsUploading] = useState(false);
  const [deleting, setDeleting] = useState<string>();
  const [shown, setShown] = useState<string>();
  const reload = () => queries.invalidateQueries({ queryKey: ['objects', bucket] });

  async function upload(chosen: readonly File[]): Promise<void> {
    setIsUploading(true);
    setError(undefined);
    try {
      for (const file of chosen) {
        const body = new Uint8Array(await file.arrayBuffer());
        const type = file.type === '' ? undefined : file.type;
        await s3().send(
          new PutObjectCommand({ Bucket: bucket, Key: prefix + file.name, Body: body, ContentType: type }),
        );
      }
      notify('success', `Uploaded ${chosen.length} ${chosen.length === 1 ? 'object' : 'objects'}.`);
    } catch (thrown) {
      setError(thrown);
    }
    setIsUploading(false);
    reload();
  }

  async function act(action: string, key: string): Promise<void> {
    setError(undefined);
    try {
      if (action === 'view') setShown(key);
      if (action === 'delete') setDeleting(key);
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
        {error !== undefined && <FaultAlert error={error} />}
        <ResourceTable<Entry>
          key={prefix}
          name="Objects"
          queryKey={['objects', bucket, prefix]}
          filterLabel="Find by the beginning of the name"
          selection="single"
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
          actions={([entry]) => (
            <SpaceBetween direction="horizontal" size="xs">
              <ButtonDropdown
                disabled={!entry || entry.key.endsWith('/')}
                items={[
                  { id: 'view', text: 'View', disabled: !PICTURE.test(entry?.key ?? '') },
                  { id: 'download', text: 'Download' },
                  { id: 'uri', text: 'Copy S3 URI' },
                  { id: 'presign', text: 'Copy presigned URL' },
                  { id: 'delete', text: 'Delete' },
                ]}
                onItemClick={({ detail }) => act(detail.id, entry?.key ?? '')}
              >
                Actions
              </ButtonDropdown>
              <Button variant="primary" loading={isUploading} onClick={() => files.current?.click()}>
                Upload
              </Button>
            </SpaceBetween>
          )}
          empty={{ text: 'Nothing lies here.' }}
        />
        <input
          ref={files}
          type="file"
          multiple
          hidden
          aria-label="Files to upload"
          onChange={event => upload([...(event.target.files ?? [])])}
        />
      </SpaceBetween>
      {deleting !== undefined && (
        <ConfirmDelete
          what="object"
          name={deleting}
          consequence="It is gone for good, unless the bucket keeps versions."
          remove={() => s3().send(new DeleteObjectCommand({ Bucket: bucket, Key: deleting }))}
          removed={reload}
          close={() => setDeleting(undefined)}
        />
      )}
      {shown !== undefined && (
        <Modal visible size="large" onDismiss={() => setShown(undefined)} closeAriaLabel="Close" header={shown}>
          <Box textAlign="center">
            <ObjectImage bucket={bucket} objectKey={shown} alt={shown} isLarge />
          </Box>
        </Modal>
      )}
    </ContentLayout>
  );
}

async function download(bucket: string, key: string): Promise<void> {
  saveFile(await readObject(bucket, key), key.slice(key.lastIndexOf('/') + 1));
}
