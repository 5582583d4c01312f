import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { s3 } from '../../aws/s3.ts';

/** An object up to this size goes up in one request; a larger one in parts of it (S3 takes 5 MiB or more, at most 10,000). */
const PART_BYTES = 8 * 1024 * 1024;
const MOST_PARTS = 10_000;
const PARALLEL = 3;

interface Upload {
  bucket: string;
  key: string;
  file: File;
  signal: AbortSignal;
  /** Is told how many bytes arrived. */
  progress(doneBytes: number): void;
}

/** @throws the SDK's error; AbortError where it was cancelled, and then no part of it stays */
export async function uploadObject({ bucket, key, file, signal, progress }: Upload): Promise<void> {
  const target = { Bucket: bucket, Key: key };
  const ContentType = file.type === '' ? undefined : file.type;
  const options = { abortSignal: signal };
  if (file.size <= PART_BYTES) {
    const Body = await bytesOf(file);
    await s3().send(new PutObjectCommand({ ...target, Body, ContentType }), options);
    return progress(file.size);
  }
  const { UploadId } = await s3().send(new CreateMultipartUploadCommand({ ...target, ContentType }), options);
  try {
    const partBytes = Math.max(PART_BYTES, Math.ceil(file.size / MOST_PARTS));
    const count = Math.ceil(file.size / partBytes);
    const Parts: { PartNumber: number; ETag: string | undefined }[] = [];
    let next = 0;
    let doneBytes = 0;
    async function sendParts(): Promise<void> {
      while (next < count) {
        const index = next++;
        const part = file.slice(index * partBytes, (index + 1) * partBytes);
        const Body = await bytesOf(part);
        const command = new UploadPartCommand({ ...target, UploadId, PartNumber: index + 1, Body });
        const { ETag } = await s3().send(command, options);
        Parts[index] = { PartNumber: index + 1, ETag };
        doneBytes += part.size;
        progress(doneBytes);
      }
    }
    await Promise.all(Array.from({ length: PARALLEL }, sendParts));
    await s3().send(new CompleteMultipartUploadCommand({ ...target, UploadId, MultipartUpload: { Parts } }), options);
  } catch (error) {
    await s3()
      .send(new AbortMultipartUploadCommand({ ...target, UploadId }))
      .catch(() => undefined);
    throw error;
  }
}

async function bytesOf(blob: Blob): Promise<Uint8Array> {
  return new Uint8Array(await blob.arrayBuffer());
}
