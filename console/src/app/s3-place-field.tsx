import { ListBucketsCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import FormField from '@cloudscape-design/components/form-field';
import S3ResourceSelector from '@cloudscape-design/components/s3-resource-selector';
import { useState } from 'react';
import { s3 } from '../aws/s3.ts';
import { placeOf } from '../aws/s3-uri.ts';
import { hrefOf } from './router.ts';

interface S3PlaceFieldProps {
  label: string;
  description: string;
  uri: string;
  onChange(uri: string): void;
  /** An object is read, a prefix is written below. */
  kind: 'object' | 'prefix';
  placeholder?: string;
  errorText?: string | undefined;
}

/** An S3 URI, typed or browsed. */
export function S3PlaceField({ label, description, uri, onChange, kind, placeholder, errorText }: S3PlaceFieldProps) {
  const [problem, setProblem] = useState<string>();
  return (
    <FormField stretch label={label} description={description} errorText={errorText ?? problem}>
      <S3ResourceSelector
        resource={{ uri }}
        viewHref={folderOf(uri)}
        onChange={({ detail }) => {
          setProblem(detail.resource.uri === '' ? undefined : detail.errorText);
          onChange(detail.resource.uri);
        }}
        inputPlaceholder={placeholder ?? (kind === 'object' ? 's3://bucket/prefix/train.jsonl' : 's3://bucket/prefix')}
        selectableItemsTypes={kind === 'object' ? ['objects'] : ['buckets', 'objects']}
        objectsIsItemDisabled={item => (kind === 'object' ? item.IsFolder === true : item.IsFolder !== true)}
        bucketsVisibleColumns={['Name', 'CreationDate']}
        i18nStrings={{
          modalTitle: 'Choose a place in S3',
          inContextBrowseButton: 'Browse S3',
          labelModalDismiss: 'Close',
          labelBreadcrumbs: 'S3 navigation',
          modalBreadcrumbRootItem: 'Buckets',
        }}
        fetchBuckets={async () => {
          const { Buckets = [] } = await s3().send(new ListBucketsCommand({}));
          return Buckets.map(({ Name, CreationDate }) => ({ Name, CreationDate: CreationDate?.toISOString() }));
        }}
        fetchObjects={listFolder}
        fetchVersions={async () => []}
      />
    </FormField>
  );
}

/** The page of the folder that a URI is in; undefined while it is none. */
function folderOf(uri: string): string | undefined {
  const { bucket, key } = placeOf(uri);
  if (bucket === '') return undefined;
  return hrefOf(`/s3/${bucket}?prefix=${encodeURIComponent(key.slice(0, key.lastIndexOf('/') + 1))}`);
}

async function listFolder(bucket: string, prefix: string) {
  const answer = await s3().send(new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, Delimiter: '/' }));
  const name = (key = '') => key.slice(prefix.length);
  return [
    ...(answer.CommonPrefixes ?? []).map(({ Prefix }) => ({ Key: name(Prefix), IsFolder: true })),
    ...(answer.Contents ?? [])
      .filter(({ Key }) => Key !== prefix)
      .map(({ Key, Size, LastModified }) => ({ Key: name(Key), Size, LastModified: LastModified?.toISOString() })),
  ];
}
