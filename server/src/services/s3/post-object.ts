import type { PutObjectTaggingRequest } from '@aws-sdk/client-s3';
import type { AccessRequest, FormAnswer, FormUpload, RequestContext } from '../../domain/operation.ts';
import type { Tags } from '../../ports/store-s3.ts';
import { accessOfNewObject, askToSetAcl } from './acls.ts';
import { wholeSeconds } from './buckets.ts';
import { checkKey, describe, refuseUnsupportedHeaders } from './description.ts';
import { encryptionConditions } from './encryption.ts';
import { headerNotImplemented, invalidArgument, s3Fault } from './faults.ts';
import { encodeKey } from './key-scan.ts';
import { writeObject } from './objects.ts';
import type { S3Parts } from './parts.ts';
import { checkPostPolicy, type SizeBounds } from './post-policy.ts';
import { MAXIMUM_PUT_SIZE_BYTES, receive } from './receiving.ts';
import { requestedStorageClass } from './storage-classes.ts';
import { askToTag } from './tagging.ts';
import { MAXIMUM_OBJECT_TAGS, parseTags, requestedTagConditions } from './tags.ts';
import type { NewObject } from './versions.ts';

/**
 * POST Object: the upload of a browser's form.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html
 */
export function createPostObject(parts: S3Parts) {
  const { buckets, ids, protection } = parts;

  return {
    async authorize(form: FormUpload, ctx: RequestContext): Promise<AccessRequest[]> {
      const input = inputOf(form);
      // A document that cannot be read is told below, to who may write.
      const tags = await tagsOf(form).catch(() => ({}));
      const conditions = {
        's3:x-amz-acl': ctx.headers['x-amz-acl'],
        ...encryptionConditions(ctx),
        ...requestedTagConditions(tags),
      };
      const write = await buckets.ask(input, ctx, { action: 's3:PutObject', key: input.Key, conditions });
      const tag = await askToTag(parts, input, ctx, tags);
      return [
        ...write,
        ...tag,
        ...(await askToSetAcl(parts, input, ctx)),
        ...(await protection.questionsToWrite(input, ctx)),
      ];
    },

    async handle(form: FormUpload, ctx: RequestContext): Promise<FormAnswer> {
      const input = inputOf(form);
      const { Bucket: bucket, Key: key } = input;
      const policy = form.fields.get('policy');
      const bounds = policy === undefined ? undefined : checkPostPolicy(policy, named(form), bucket, ctx.now);
      if (form.file === undefined)
        throw invalidArgument('file', '0', 'POST requires exactly one file upload per request.');
      checkKey(key);
      refuseUnsupportedHeaders(ctx);
      if (form.fields.has('x-amz-tagging'))
        throw headerNotImplemented('x-amz-tagging', 'A form has its tags in the field tagging, as XML.');
      const tags = await tagsOf(form);
      const description = describe(input, ctx);
      const storageClass = requestedStorageClass(ctx);
      const access = await accessOfNewObject(parts, bucket, ctx);
      const protect = await protection.protect(input, ctx);
      const file = within(form.file.content, bounds);
      const received = await receive(protect.sink, file, ctx, null, null);
      const object: NewObject = {
        ...{ bucket, key },
        objectId: ids.uuid(),
        sizeBytes: received.sizeBytes,
        etag: protect.etag(received.md5),
        modifiedAt: wholeSeconds(ctx.now),
        checksumAlgorithm: received.checksumAlgorithm,
        checksumType: 'FULL_OBJECT',
        checksum: received.checksum,
        partsCount: null,
        description: { ...description, encryption: protect.encryption },
        storageClass,
        tags,
        ...access,
      };
      const { VersionId } = await writeObject(parts, object, received.blobId, {});
      const answered = answer(form, ctx, object);
      if (VersionId !== undefined) answered.headers['x-amz-version-id'] = VersionId;
      return answered;
    },
  };
}

/** The field `tagging`, which has the body of an operation. @throws Refusal MalformedXML, Fault as parseTags */
async function tagsOf(form: FormUpload): Promise<Tags> {
  const document = form.fields.get('tagging');
  if (document === undefined) return {};
  const { Tagging } = (await form.inputOf('PutObjectTagging', document)) as Partial<PutObjectTaggingRequest>;
  return parseTags(Tagging?.TagSet ?? [], MAXIMUM_OBJECT_TAGS);
}

/** The form's fields as a PutObject's members. @throws Fault InvalidArgument without a key */
function inputOf(form: FormUpload) {
  const fields = named(form);
  const key = fields.get('key');
  if (!key)
    throw invalidArgument(
      'key',
      '',
      "Bucket POST must contain a field named 'key'.  If it is specified, please check the order of the fields.",
    );
  const metadata = [...fields].filter(([name]) => name.startsWith('x-amz-meta-'));
  const bucketKey = fields.get('x-amz-server-side-encryption-bucket-key-enabled');
  return {
    Bucket: form.bucket,
    Key: key,
    CacheControl: fields.get('cache-control'),
    ContentDisposition: fields.get('content-disposition'),
    ContentEncoding: fields.get('content-encoding'),
    ContentLanguage: fields.get('content-language'),
    // AWS: the type of the object is a field of its own; what the browser says of the file does not count.
    ContentType: fields.get('content-type'),
    Metadata: Object.fromEntries(metadata.map(([name, value]) => [name.slice('x-amz-meta-'.length), value])),
    ServerSideEncryption: fields.get('x-amz-server-side-encryption'),
    SSEKMSKeyId: fields.get('x-amz-server-side-encryption-aws-kms-key-id'),
    SSEKMSEncryptionContext: fields.get('x-amz-server-side-encryption-context'),
    BucketKeyEnabled: bucketKey === undefined ? undefined : bucketKey === 'true',
  };
}

// biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of S3's forms
const FILE_NAME = '${filename}';

function named({ fields, file }: FormUpload): Map<string, string> {
  return new Map([...fields].map(([name, value]) => [name, value.replaceAll(FILE_NAME, () => file?.name ?? '')]));
}

/** @throws Fault EntityTooLarge at the first byte too many, EntityTooSmall at the end */
async function* within(
  content: AsyncIterable<Uint8Array>,
  { minimumBytes, maximumBytes }: SizeBounds = { minimumBytes: 0, maximumBytes: Number.POSITIVE_INFINITY },
): AsyncGenerator<Uint8Array> {
  const limitBytes = Math.min(maximumBytes, MAXIMUM_PUT_SIZE_BYTES);
  let sizeBytes = 0;
  for await (const chunk of content) {
    sizeBytes += chunk.byteLength;
    if (sizeBytes > limitBytes)
      throw s3Fault('EntityTooLarge', 'Your proposed upload exceeds the maximum allowed size', {
        members: { ProposedSize: sizeBytes, MaxSizeAllowed: limitBytes },
      });
    yield chunk;
  }
  if (sizeBytes < minimumBytes)
    throw s3Fault('EntityTooSmall', 'Your proposed upload is smaller than the minimum allowed size', {
      members: { ProposedSize: sizeBytes, MinSizeAllowed: minimumBytes },
    });
}

function answer({ fields }: FormUpload, ctx: RequestContext, { bucket, key, etag }: NewObject): FormAnswer {
  const path = encodeKey(key).replaceAll('+', '%20');
  const location = `${ctx.secureTransport ? 'https' : 'http'}://${ctx.host}/${bucket}/${path}`;
  const headers = { etag: `"${etag}"`, location };
  const redirect = redirectTo(fields.get('success_action_redirect') ?? fields.get('redirect'), bucket, key, etag);
  if (redirect !== undefined) return { status: 303, headers: { ...headers, location: redirect } };
  const status = fields.get('success_action_status');
  if (status === '200') return { status: 200, headers };
  if (status !== '201') return { status: 204, headers };
  return {
    status: 201,
    headers,
    document: { name: 'PostResponse', members: { Location: location, Bucket: bucket, Key: key, ETag: `"${etag}"` } },
  };
}

/** AWS: an address that is none is ignored. */
function redirectTo(address: string | undefined, bucket: string, key: string, etag: string): string | undefined {
  if (address === undefined || !URL.canParse(address)) return undefined;
  const url = new URL(address);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return undefined;
  for (const [name, value] of [
    ['bucket', bucket],
    ['key', key],
    ['etag', `"${etag}"`],
  ] as const)
    url.searchParams.append(name, value);
  return url.href;
}
