import { GetObjectCommand } from '@aws-sdk/client-s3';
import { type ManifestRecord, readManifest } from './manifest-text.ts';
import { s3 } from './s3.ts';
import { placeOf } from './s3-uri.ts';

/** The records of a manifest in S3. @throws the SDK's error where it cannot be read */
export async function readManifestAt(uri: string): Promise<ManifestRecord[]> {
  const { bucket, key } = placeOf(uri);
  const { Body } = await s3().send(new GetObjectCommand({ Bucket: bucket, Key: key }));
  return readManifest((await Body?.transformToString()) ?? '');
}
