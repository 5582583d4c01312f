import { createWriteStream } from 'node:fs';
import { open } from 'node:fs/promises';
import http from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { TextDecoder } from 'node:util';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  type S3ClientConfig,
  S3ServiceException,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { Fault, type FaultKind } from '../../domain/fault.ts';
import type { CustomerData, RoleSession } from '../../ports/customer-data.ts';

const MAXIMUM_ATTEMPTS = 5;
/** Larger files go up in parts of this size: 10,000 parts are over 300 GB. */
const PART_BYTES = 32 * 1024 * 1024;
const WRONG_REGION_CODES = ['PermanentRedirect', 'AuthorizationHeaderMalformed', 'IllegalLocationConstraintException'];
/** The session itself is refused: its role was deleted, say. S3 answers 400 to most of these. */
const REFUSED_SESSION_CODES = ['InvalidToken', 'ExpiredToken', 'InvalidAccessKeyId', 'TokenRefreshRequired'];

type PrivateAddress = { path: string } | { host: string; port: number };

interface S3CustomerData extends CustomerData {
  /** Whether requests under that key are this client's: of a session that a job took. */
  signsWith(accessKeyId: string): boolean;
  close(): void;
}

/**
 * Customers' buckets through S3 itself, signed with the role's credentials: the same operations and policies as for any
 * other client.
 * @param options.endpoint of this server; asked at each use, since it is known only once the server listens
 * @param options.privateAddress where a private endpoint listens, for sessions that come through one
 */
export function createS3CustomerData(options: {
  endpoint: () => string;
  privateAddress(endpointId: string): PrivateAddress | undefined;
}): S3CustomerData {
  // One client a session, so that connections are kept; a session that is renewed is a new object.
  let clients = new WeakMap<RoleSession, S3Client>();
  const open = new Set<S3Client>();
  const accessKeyIds = new Set<string>();

  function clientOf(session: RoleSession): S3Client {
    let client = clients.get(session);
    if (!client) {
      const { accessKeyId, secretAccessKey, sessionToken, region } = session;
      client = new S3Client({
        ...route(session),
        region,
        forcePathStyle: true,
        maxAttempts: MAXIMUM_ATTEMPTS,
        credentials: { accessKeyId, secretAccessKey, sessionToken },
      });
      clients.set(session, client);
      open.add(client);
      accessKeyIds.add(accessKeyId);
    }
    return client;
  }

  /** @throws Fault unavailable where the session's endpoint is not there: it takes no other way */
  function route({ vpcEndpointId }: RoleSession): Pick<S3ClientConfig, 'endpoint' | 'requestHandler'> {
    if (vpcEndpointId === undefined) return { endpoint: options.endpoint() };
    const address = options.privateAddress(vpcEndpointId);
    if (address === undefined) throw new Fault('unavailable', `There is no endpoint ${vpcEndpointId} (any more).`);
    if ('path' in address) {
      const httpAgent = new http.Agent({ socketPath: address.path, keepAlive: true } as http.AgentOptions);
      return { endpoint: options.endpoint().replace(/^https:/, 'http:'), requestHandler: { httpAgent } };
    }
    const { host, port } = address;
    return { endpoint: `http://${host.includes(':') ? `[${host}]` : host}:${port}` };
  }

  async function get(session: RoleSession, bucket: string, key: string, maximumSizeBytes: number) {
    const answer = await clientOf(session).send(new GetObjectCommand({ Bucket: bucket, Key: key }));
    const sizeBytes = answer.ContentLength ?? 0;
    const body = answer.Body;
    if (!(body instanceof Readable)) throw new Fault('internal', 'S3 answered without a body.');
    if (sizeBytes > maximumSizeBytes) {
      body.destroy();
      throw new Fault(
        'invalid',
        `s3://${bucket}/${key} is ${sizeBytes} bytes; at most ${maximumSizeBytes} are allowed.`,
        { members: { sizeBytes } },
      );
    }
    return { body, sizeBytes };
  }

  return {
    readText: (session, bucket, key, maximumSizeBytes) =>
      mapped(bucket, key, async () => {
        const { body } = await get(session, bucket, key, maximumSizeBytes);
        const bytes = Buffer.concat(await body.toArray());
        try {
          return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
        } catch {
          throw new Fault('invalid', `s3://${bucket}/${key} is not UTF-8 text.`);
        }
      }),
    download: (session, bucket, key, filePath, maximumSizeBytes) =>
      mapped(bucket, key, async () => {
        const { body, sizeBytes } = await get(session, bucket, key, maximumSizeBytes);
        await pipeline(body, createWriteStream(filePath, { mode: 0o600 }));
        return { sizeBytes };
      }),
    write: (session, bucket, key, body, contentType) =>
      mapped(bucket, key, async () => {
        await clientOf(session).send(
          // Of an empty body the SDK does not tell the length by itself.
          new PutObjectCommand({
            Bucket: bucket,
            Key: key,
            Body: body,
            ContentLength: Buffer.byteLength(body),
            ContentType: contentType,
          }),
        );
      }),
    delete: (session, bucket, key) =>
      mapped(bucket, key, async () => {
        await clientOf(session).send(new DeleteObjectCommand({ Bucket: bucket, Key: key }));
      }),
    upload: (session, bucket, key, filePath, contentType, encryptionKeyId) =>
      mapped(bucket, key, async () => {
        const encryption =
          encryptionKeyId === undefined
            ? {}
            : { ServerSideEncryption: 'aws:kms' as const, SSEKMSKeyId: encryptionKeyId };
        const target = { Bucket: bucket, Key: key, ContentType: contentType, ...encryption };
        await uploadFile(clientOf(session), target, filePath);
      }),
    list: (session, bucket, prefix, maximumCount) =>
      mapped(bucket, '', async () => {
        const found: { key: string; sizeBytes: number }[] = [];
        let token: string | undefined;
        do {
          const answer = await clientOf(session).send(
            new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, ContinuationToken: token }),
          );
          for (const { Key = '', Size = 0 } of answer.Contents ?? []) found.push({ key: Key, sizeBytes: Size });
          token = answer.NextContinuationToken;
        } while (token !== undefined && found.length < maximumCount);
        return found.slice(0, maximumCount);
      }),
    bucketRegion: (session, bucket, expectedOwner) =>
      mapped(bucket, '', async () => {
        const answer = await clientOf(session)
          .send(new HeadBucketCommand({ Bucket: bucket, ExpectedBucketOwner: expectedOwner }))
          .catch((error: unknown) => {
            // S3 tells the Region with a refusal too, even to those who may not list the bucket.
            const region = regionHeader(error);
            if (region === undefined || expectedOwner !== undefined) throw error;
            return { BucketRegion: region };
          });
        return answer.BucketRegion ?? session.region;
      }),
    signsWith: accessKeyId => accessKeyIds.has(accessKeyId),
    close() {
      for (const client of open) client.destroy();
      open.clear();
      clients = new WeakMap();
    },
  };
}

async function uploadFile(
  client: S3Client,
  target: { Bucket: string; Key: string; ContentType: string },
  filePath: string,
): Promise<void> {
  const { Bucket, Key } = target;
  const file = await open(filePath);
  try {
    const { size } = await file.stat();
    const part = async (position: number) => {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(Math.min(PART_BYTES, size - position)), {
        position,
      });
      return buffer.subarray(0, bytesRead);
    };
    if (size <= PART_BYTES) {
      const Body = await part(0);
      await client.send(new PutObjectCommand({ ...target, Body, ContentLength: Body.byteLength }));
      return;
    }
    const { UploadId } = await client.send(new CreateMultipartUploadCommand(target));
    try {
      const Parts: { PartNumber: number; ETag: string | undefined }[] = [];
      for (let position = 0; position < size; position += PART_BYTES) {
        const PartNumber = Parts.length + 1;
        const Body = await part(position);
        const { ETag } = await client.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber, Body }));
        Parts.push({ PartNumber, ETag });
      }
      await client.send(new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts } }));
    } catch (error) {
      await client.send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId })).catch(() => undefined);
      throw error;
    }
  } finally {
    await file.close();
  }
}

async function mapped<T>(bucket: string, key: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof Fault) throw error;
    const what = key === '' ? `the bucket ${bucket}` : `s3://${bucket}/${key}`;
    const detail = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    throw new Fault(kindOf(error), `${what}: ${detail}`, { cause: error });
  }
}

function kindOf(error: unknown): FaultKind {
  if (!(error instanceof S3ServiceException)) {
    // A full disk under the download is no fault of S3.
    const isFileFault = error instanceof Error && 'code' in error && 'path' in error;
    return isFileFault ? 'internal' : 'unavailable';
  }
  const status = error.$metadata.httpStatusCode ?? 0;
  if (WRONG_REGION_CODES.includes(error.name) || status === 301) return 'conflict';
  if (status === 403 || REFUSED_SESSION_CODES.includes(error.name)) return 'denied';
  if (status === 404) return 'notFound';
  return 'unavailable';
}

function regionHeader(error: unknown): string | undefined {
  if (!(error instanceof S3ServiceException)) return undefined;
  return error.$response?.headers['x-amz-bucket-region'];
}
