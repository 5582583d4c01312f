import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  type BucketCannedACL,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteBucketOwnershipControlsCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetBucketAclCommand,
  GetBucketOwnershipControlsCommand,
  GetBucketPolicyStatusCommand,
  GetObjectAclCommand,
  GetObjectCommand,
  type Grant,
  ListObjectsV2Command,
  type ObjectOwnership,
  PutBucketAclCommand,
  type PutBucketAclCommandInput,
  PutBucketOwnershipControlsCommand,
  PutBucketPolicyCommand,
  PutObjectAclCommand,
  PutObjectCommand,
  type PutObjectCommandInput,
  PutPublicAccessBlockCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { canonicalUserId } from '../../src/domain/access/acl.ts';
import { ACCOUNT, assertRefused, OTHER_ACCOUNT, otherRoot, startS3, textOf } from './s3-server.ts';

const ALL = 'http://acs.amazonaws.com/groups/global/AllUsers';
const SIGNED = 'http://acs.amazonaws.com/groups/global/AuthenticatedUsers';
const OURS = canonicalUserId(ACCOUNT);
const THEIRS = canonicalUserId(OTHER_ACCOUNT);

let server: Awaited<ReturnType<typeof startS3>>;
let s3: ReturnType<typeof server.client>;
let other: ReturnType<typeof server.client>;

before(async () => {
  server = await startS3();
  s3 = server.client();
  other = server.client(otherRoot);
});
after(() => server.stop());

async function bucket(Bucket: string, ObjectOwnership?: ObjectOwnership) {
  await s3.send(new CreateBucketCommand({ Bucket, ...(ObjectOwnership ? { ObjectOwnership } : {}) }));
  return Bucket;
}
const own = (Bucket: string, ObjectOwnership: ObjectOwnership) =>
  s3.send(new PutBucketOwnershipControlsCommand({ Bucket, OwnershipControls: { Rules: [{ ObjectOwnership }] } }));
const put = (Bucket: string, Key: string, more: Partial<PutObjectCommandInput> = {}, client = s3) =>
  client.send(new PutObjectCommand({ Bucket, Key, Body: Key, ...more }));
const setAcl = (Bucket: string, more: Omit<PutBucketAclCommandInput, 'Bucket'>) =>
  s3.send(new PutBucketAclCommand({ Bucket, ...more }));
const unsigned = async (path: string, method = 'GET', body?: string) =>
  (await fetch(`${server.endpoint}/${path}`, { method, ...(body === undefined ? {} : { body }) })).status;
const said = (grants: Grant[] | undefined) =>
  grants?.map(({ Grantee, Permission }) => [Grantee?.ID ?? Grantee?.URI, Permission]);
const bucketAcl = async (Bucket: string) => said((await s3.send(new GetBucketAclCommand({ Bucket }))).Grants);
const objectAcl = async (Bucket: string, Key: string, client = s3) => {
  const { Owner, Grants } = await client.send(new GetObjectAclCommand({ Bucket, Key }));
  return { owner: Owner?.ID, grants: said(Grants) };
};

describe('a bucket of which nobody said who owns what', () => {
  test('has no ACLs: it takes the one that is true anyway, and answers it', async () => {
    const Bucket = await bucket('enforced');
    await put(Bucket, 'a');
    const { OwnershipControls } = await s3.send(new GetBucketOwnershipControlsCommand({ Bucket }));
    assert.deepEqual(OwnershipControls?.Rules, [{ ObjectOwnership: 'BucketOwnerEnforced' }]);
    await assertRefused(setAcl(Bucket, { ACL: 'public-read' }), 400, 'AccessControlListNotSupported');
    await assertRefused(put(Bucket, 'b', { ACL: 'public-read' }), 400, 'AccessControlListNotSupported');
    await assertRefused(
      s3.send(new PutObjectAclCommand({ Bucket, Key: 'a', GrantRead: `uri="${ALL}"` })),
      400,
      'AccessControlListNotSupported',
    );
    const Owner = { ID: OURS };
    const Grants: Grant[] = [{ Grantee: { Type: 'CanonicalUser', ...Owner }, Permission: 'FULL_CONTROL' }];
    await setAcl(Bucket, { AccessControlPolicy: { Owner, Grants } });
    await s3.send(new PutObjectAclCommand({ Bucket, Key: 'a', ACL: 'bucket-owner-full-control' }));
    assert.deepEqual(await bucketAcl(Bucket), [[OURS, 'FULL_CONTROL']]);
    assert.deepEqual(await objectAcl(Bucket, 'a'), { owner: OURS, grants: [[OURS, 'FULL_CONTROL']] });
  });

  test('may be given other controls, and lose them', async () => {
    const Bucket = await bucket('controls');
    await own(Bucket, 'BucketOwnerPreferred');
    await setAcl(Bucket, { ACL: 'public-read' });
    await assertRefused(own(Bucket, 'BucketOwnerEnforced'), 400, 'InvalidBucketAclWithObjectOwnership');
    await setAcl(Bucket, { ACL: 'private' });
    await own(Bucket, 'BucketOwnerEnforced');
    await s3.send(new DeleteBucketOwnershipControlsCommand({ Bucket }));
    await assertRefused(
      s3.send(new GetBucketOwnershipControlsCommand({ Bucket })),
      404,
      'OwnershipControlsNotFoundError',
    );
    // AWS: without controls a bucket is as buckets were: its ACLs count.
    await setAcl(Bucket, { ACL: 'public-read' });
    await assertRefused(
      s3.send(new PutBucketOwnershipControlsCommand({ Bucket, OwnershipControls: { Rules: [] } })),
      400,
      'MalformedXML',
    );
  });

  test('may be made with them, by who may set them', async () => {
    await s3.send(
      new CreateBucketCommand({ Bucket: 'made-public', ObjectOwnership: 'ObjectWriter', ACL: 'public-read' }),
    );
    assert.deepEqual(await bucketAcl('made-public'), [
      [OURS, 'FULL_CONTROL'],
      [ALL, 'READ'],
    ]);
    const creator = server.client(
      await server.user('creator', [{ Effect: 'Allow', Action: 's3:CreateBucket', Resource: '*' }]),
    );
    const create = (more: object) => creator.send(new CreateBucketCommand({ Bucket: 'of-the-creator', ...more }));
    const owned = { ObjectOwnership: 'ObjectWriter' };
    await assertRefused(create(owned), 403, 'AccessDenied', /s3:PutBucketOwnershipControls/);
    await assertRefused(create({ ACL: 'private' }), 403, 'AccessDenied', /s3:PutBucketAcl/);
    await create({});
  });
});

describe('where a bucket has ACLs', () => {
  test('everybody reads and lists what is public, and writes only where that is', async () => {
    const Bucket = await bucket('open', 'BucketOwnerPreferred');
    await put(Bucket, 'public', { ACL: 'public-read' });
    await put(Bucket, 'private');
    assert.equal(await unsigned(`${Bucket}/public`), 200);
    assert.equal(await unsigned(`${Bucket}/private`), 403);
    assert.equal(await unsigned(`${Bucket}/absent`), 403);
    assert.equal(await unsigned(`${Bucket}?list-type=2`), 403);
    await setAcl(Bucket, { ACL: 'public-read' });
    assert.equal(await unsigned(`${Bucket}?list-type=2`), 200);
    assert.equal(await unsigned(`${Bucket}/absent`), 404);
    assert.equal(await unsigned(`${Bucket}/private`), 403);
    assert.equal(await unsigned(`${Bucket}/new`, 'PUT', 'new'), 403);
    await setAcl(Bucket, { ACL: 'public-read-write' });
    assert.equal(await unsigned(`${Bucket}/new`, 'PUT', 'new'), 200);
    // WRITE makes objects; those that are there stay what they are.
    assert.equal(await unsigned(`${Bucket}/private`, 'PUT', 'replaced'), 403);
    assert.equal(await unsigned(`${Bucket}/private`, 'DELETE'), 403);
    assert.deepEqual((await objectAcl(Bucket, 'new')).owner, OURS);
    assert.equal(await textOf(await s3.send(new GetObjectCommand({ Bucket, Key: 'private' }))), 'private');
  });

  test('a list for everybody with an account leaves strangers outside', async () => {
    const Bucket = await bucket('signed', 'ObjectWriter');
    await put(Bucket, 'a', { ACL: 'authenticated-read' });
    assert.equal(await unsigned(`${Bucket}/a`), 403);
    await other.send(new GetObjectCommand({ Bucket, Key: 'a' }));
    assert.deepEqual((await objectAcl(Bucket, 'a')).grants, [
      [OURS, 'FULL_CONTROL'],
      [SIGNED, 'READ'],
    ]);
  });

  test('the public access block ignores public lists, and refuses new ones', async () => {
    const Bucket = await bucket('blocked-acls', 'ObjectWriter');
    const block = (PublicAccessBlockConfiguration: object) =>
      s3.send(new PutPublicAccessBlockCommand({ Bucket, PublicAccessBlockConfiguration }));
    await put(Bucket, 'a', { ACL: 'public-read' });
    await setAcl(Bucket, { ACL: 'public-read' });
    await block({ IgnorePublicAcls: true });
    assert.equal(await unsigned(`${Bucket}/a`), 403);
    assert.equal(await unsigned(`${Bucket}?list-type=2`), 403);
    assert.equal((await objectAcl(Bucket, 'a')).grants?.length, 2);
    await block({ BlockPublicAcls: true });
    assert.equal(await unsigned(`${Bucket}/a`), 200);
    await assertRefused(setAcl(Bucket, { ACL: 'authenticated-read' }), 403, 'AccessDenied', /BlockPublicAcls/);
    await assertRefused(put(Bucket, 'b', { GrantRead: `uri="${ALL}"` }), 403, 'AccessDenied', /BlockPublicAcls/);
    await assertRefused(
      s3.send(new PutObjectAclCommand({ Bucket, Key: 'a', ACL: 'public-read' })),
      ...([403, 'AccessDenied', /BlockPublicAcls/] as const),
    );
    await put(Bucket, 'c', { GrantRead: `id="${THEIRS}"` });
  });

  test('what a policy denies stays denied, and the status of the policy speaks of the policy', async () => {
    const Bucket = await bucket('denied', 'ObjectWriter');
    await put(Bucket, 'a', { ACL: 'public-read' });
    const Statement = { Effect: 'Deny', Principal: '*', Action: 's3:GetObject', Resource: `arn:aws:s3:::${Bucket}/*` };
    const Policy = JSON.stringify({ Version: '2012-10-17', Statement });
    await s3.send(new PutBucketPolicyCommand({ Bucket, Policy }));
    assert.equal(await unsigned(`${Bucket}/a`), 403);
    const { PolicyStatus } = await s3.send(new GetBucketPolicyStatusCommand({ Bucket }));
    assert.equal(PolicyStatus?.IsPublic, false);
  });

  test('a policy names an account by its canonical user', async () => {
    const Bucket = await bucket('canonical');
    await put(Bucket, 'a');
    const Statement = {
      ...{ Effect: 'Allow', Principal: { CanonicalUser: THEIRS } },
      ...{ Action: 's3:GetObject', Resource: `arn:aws:s3:::${Bucket}/*` },
    };
    const Policy = JSON.stringify({ Version: '2012-10-17', Statement });
    await s3.send(new PutBucketPolicyCommand({ Bucket, Policy }));
    await other.send(new GetObjectCommand({ Bucket, Key: 'a' }));
    assert.equal(await unsigned(`${Bucket}/a`), 403);
  });

  test('another account does what it is granted, and nothing else', async () => {
    const Bucket = await bucket('granted', 'BucketOwnerPreferred');
    await put(Bucket, 'a');
    const list = () => other.send(new ListObjectsV2Command({ Bucket }));
    await assertRefused(list(), 403, 'AccessDenied');
    await setAcl(Bucket, { GrantRead: `id="${THEIRS}"`, GrantFullControl: `id=${OURS}` });
    assert.equal((await list()).KeyCount, 1);
    await assertRefused(other.send(new GetBucketAclCommand({ Bucket })), 403, 'AccessDenied');
    await assertRefused(other.send(new GetObjectCommand({ Bucket, Key: 'a' })), 403, 'AccessDenied');
    await s3.send(new PutObjectAclCommand({ Bucket, Key: 'a', GrantReadACP: `id="${THEIRS}"` }));
    assert.deepEqual((await objectAcl(Bucket, 'a', other)).grants, [[THEIRS, 'READ_ACP']]);
    await assertRefused(other.send(new GetObjectCommand({ Bucket, Key: 'a' })), 403, 'AccessDenied');
    const denied = other.send(new PutObjectAclCommand({ Bucket, Key: 'a', ACL: 'public-read' }));
    await assertRefused(denied, 403, 'AccessDenied');
  });

  test('a user of the owner still needs a policy of his own', async () => {
    const Bucket = await bucket('own-user', 'ObjectWriter');
    await put(Bucket, 'a');
    const user = server.client(
      await server.user('reader', [{ Effect: 'Allow', Action: 's3:ListAllMyBuckets', Resource: '*' }]),
    );
    await assertRefused(user.send(new GetObjectCommand({ Bucket, Key: 'a' })), 403, 'AccessDenied');
    const writer = server.client(
      await server.user('writer', [{ Effect: 'Allow', Action: 's3:PutObject', Resource: '*' }]),
    );
    await put(Bucket, 'b', {}, writer);
    await assertRefused(put(Bucket, 'b', { ACL: 'private' }, writer), 403, 'AccessDenied', /s3:PutObjectAcl/);
  });
});

describe('what another account writes', () => {
  test('is its own under ObjectWriter, until it is handed over', async () => {
    const Bucket = await bucket('written', 'ObjectWriter');
    await setAcl(Bucket, { GrantWrite: `id="${THEIRS}"`, GrantFullControl: `id="${OURS}"` });
    await put(Bucket, 'theirs', {}, other);
    assert.deepEqual(await objectAcl(Bucket, 'theirs', other), { owner: THEIRS, grants: [[THEIRS, 'FULL_CONTROL']] });
    await assertRefused(s3.send(new GetObjectCommand({ Bucket, Key: 'theirs' })), 403, 'AccessDenied');
    const { Contents } = await s3.send(new ListObjectsV2Command({ Bucket, FetchOwner: true }));
    assert.deepEqual(
      Contents?.map(({ Owner }) => Owner?.ID),
      [THEIRS],
    );
    await other.send(new PutObjectAclCommand({ Bucket, Key: 'theirs', ACL: 'bucket-owner-read' }));
    await s3.send(new GetObjectCommand({ Bucket, Key: 'theirs' }));
    // READ is not READ_ACP.
    await assertRefused(s3.send(new GetObjectAclCommand({ Bucket, Key: 'theirs' })), 403, 'AccessDenied');
    // The owner of the bucket may always delete.
    await put(Bucket, 'ours');
    await assertRefused(other.send(new DeleteObjectCommand({ Bucket, Key: 'ours' })), 403, 'AccessDenied');
    await put(Bucket, 'theirs too', {}, other);
    const Objects = [{ Key: 'ours' }, { Key: 'theirs too' }];
    const { Deleted, Errors } = await other.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
    assert.deepEqual([Deleted?.map(({ Key }) => Key), Errors?.map(({ Key }) => Key)], [['theirs too'], ['ours']]);
    await s3.send(new DeleteObjectCommand({ Bucket, Key: 'theirs' }));
  });

  test('is the bucket owner’s where it is written so under BucketOwnerPreferred, and always under BucketOwnerEnforced', async () => {
    const Bucket = await bucket('preferred', 'BucketOwnerPreferred');
    await setAcl(Bucket, { GrantWrite: `id="${THEIRS}"` });
    // A bucket ACL lets in, and who sends a list for what will be the bucket owner's must be let set it as well.
    const Statement = {
      ...{ Effect: 'Allow', Principal: { AWS: OTHER_ACCOUNT } },
      ...{ Action: ['s3:PutObject', 's3:PutObjectAcl'], Resource: `arn:aws:s3:::${Bucket}/*` },
    };
    const Policy = JSON.stringify({ Version: '2012-10-17', Statement });
    await s3.send(new PutBucketPolicyCommand({ Bucket, Policy }));
    await put(Bucket, 'handed over', { ACL: 'bucket-owner-full-control' }, other);
    assert.deepEqual(await objectAcl(Bucket, 'handed over'), { owner: OURS, grants: [[OURS, 'FULL_CONTROL']] });
    const upload = { Bucket, Key: 'kept' };
    const { UploadId } = await other.send(new CreateMultipartUploadCommand({ ...upload, ACL: 'public-read' }));
    const { ETag } = await other.send(new UploadPartCommand({ ...upload, UploadId, PartNumber: 1, Body: 'kept' }));
    const Parts = [{ PartNumber: 1, ETag }];
    await other.send(new CompleteMultipartUploadCommand({ ...upload, UploadId, MultipartUpload: { Parts } }));
    assert.equal(await unsigned(`${Bucket}/kept`), 200);
    assert.equal((await objectAcl(Bucket, 'kept', other)).owner, THEIRS);
    // A copy is its writer's, and takes no list along.
    await s3.send(new CopyObjectCommand({ Bucket, Key: 'copy', CopySource: `${Bucket}/kept` }));
    assert.deepEqual(await objectAcl(Bucket, 'copy'), { owner: OURS, grants: [[OURS, 'FULL_CONTROL']] });
    await setAcl(Bucket, { ACL: 'private' });
    await own(Bucket, 'BucketOwnerEnforced');
    assert.equal(await unsigned(`${Bucket}/kept`), 403);
    assert.equal(await textOf(await s3.send(new GetObjectCommand({ Bucket, Key: 'kept' }))), 'kept');
    assert.equal((await objectAcl(Bucket, 'kept')).owner, OURS);
  });
});

describe('an ACL that is none is refused', () => {
  const cases: [string, Omit<PutBucketAclCommandInput, 'Bucket'>, number, string, RegExp][] = [
    ['no list at all', {}, 400, 'MissingSecurityHeader', /./],
    ['a canned one that does not exist', { ACL: 'secret' as BucketCannedACL }, 400, 'InvalidArgument', /canned ACL/],
    ['a canned one of EC2', { ACL: 'aws-exec-read' as BucketCannedACL }, 501, 'NotImplemented', /aws-exec-read/],
    ['two kinds of headers', { ACL: 'private', GrantRead: `id="${OURS}"` }, 400, 'InvalidRequest', /both/],
    ['a grantee of nobody', { GrantRead: 'id="1"' }, 400, 'InvalidArgument', /Invalid id/],
    ['a group that there is not', { GrantRead: 'uri="http://x"' }, 400, 'InvalidArgument', /group uri/],
    ['a grant that is none', { GrantRead: 'everybody' }, 400, 'InvalidArgument', /A grant is/],
    [
      'an e-mail address',
      { GrantRead: 'emailAddress="a@example.com"' },
      400,
      'UnresolvableGrantByEmailAddress',
      /canonical/,
    ],
    ['no owner', { AccessControlPolicy: { Grants: [] } }, 400, 'MalformedACLError', /Owner/],
    ['another owner', { AccessControlPolicy: { Owner: { ID: THEIRS }, Grants: [] } }, 403, 'AccessDenied', /Owner/],
    [
      'a grant to nobody',
      { AccessControlPolicy: { Owner: { ID: OURS }, Grants: [{ Permission: 'READ' }] } },
      ...([400, 'MalformedACLError', /Grantee/] as const),
    ],
    [
      'headers and a body',
      { ACL: 'private', AccessControlPolicy: { Owner: { ID: OURS }, Grants: [] } },
      ...([400, 'UnexpectedContent', /content/] as const),
    ],
  ];
  before(() => bucket('malformed', 'ObjectWriter'));
  for (const [what, input, status, code, message] of cases)
    test(what, () => assertRefused(setAcl('malformed', input), status, code, message));

  test('and the delivery of logs is a group', async () => {
    await setAcl('malformed', { ACL: 'log-delivery-write' as BucketCannedACL });
    assert.deepEqual(
      (await bucketAcl('malformed'))?.map(([, permission]) => permission),
      ['FULL_CONTROL', 'WRITE', 'READ_ACP'],
    );
  });
});
