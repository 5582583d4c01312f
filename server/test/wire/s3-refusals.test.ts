import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  CopyObjectCommand,
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectsCommand,
  GetBucketAclCommand,
  GetBucketCorsCommand,
  GetBucketLifecycleConfigurationCommand,
  GetBucketLocationCommand,
  GetBucketOwnershipControlsCommand,
  GetBucketPolicyCommand,
  GetBucketReplicationCommand,
  GetBucketRequestPaymentCommand,
  GetBucketTaggingCommand,
  GetBucketVersioningCommand,
  GetBucketWebsiteCommand,
  GetObjectCommand,
  GetObjectLockConfigurationCommand,
  GetObjectTaggingCommand,
  GetPublicAccessBlockCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListDirectoryBucketsCommand,
  ListObjectsV2Command,
  PutBucketPolicyCommand,
  PutBucketReplicationCommand,
  PutBucketWebsiteCommand,
  PutObjectCommand,
  type PutObjectCommandInput,
  PutObjectLockConfigurationCommand,
} from '@aws-sdk/client-s3';
import { assertRefused, assertXmlRefused, otherRoot, startS3 } from './s3-server.ts';

const Bucket = 'refusals';
let server: Awaited<ReturnType<typeof startS3>>;
let s3: ReturnType<typeof server.client>;

before(async () => {
  server = await startS3();
  s3 = server.client();
  await s3.send(new CreateBucketCommand({ Bucket }));
  await s3.send(new PutObjectCommand({ Bucket, Key: 'there', Body: 'x' }));
});
after(() => server.stop());

const put = (input: Partial<PutObjectCommandInput>) =>
  s3.send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'abc', ...input }));

describe('buckets', () => {
  for (const name of [
    'ab',
    'Upper',
    'under_score',
    'a..b',
    '-a',
    'a-',
    '192.168.5.4',
    'xn--a',
    'a-s3alias',
    'a'.repeat(64),
  ])
    test(`the name ${name.slice(0, 20)} is InvalidBucketName`, () =>
      assertRefused(s3.send(new CreateBucketCommand({ Bucket: name })), 400, 'InvalidBucketName'));

  test('one that is there', async () => {
    // AWS: in us-east-1 the owner gets a 200 for historical reasons.
    await s3.send(new CreateBucketCommand({ Bucket }));
    await assertRefused(server.client(otherRoot).send(new CreateBucketCommand({ Bucket })), 409, 'BucketAlreadyExists');
    const eu = server.client(undefined, 'eu-west-1');
    const input = { Bucket: 'in-europe', CreateBucketConfiguration: { LocationConstraint: 'eu-west-1' } } as const;
    await eu.send(new CreateBucketCommand(input));
    await assertRefused(eu.send(new CreateBucketCommand(input)), 409, 'BucketAlreadyOwnedByYou');
  });

  test('a location that is none, or another than the endpoint has', async () => {
    const create = (region: string, LocationConstraint: string) =>
      server.client(undefined, region).send(
        new CreateBucketCommand({
          Bucket: 'located',
          CreateBucketConfiguration: { LocationConstraint: LocationConstraint as 'eu-west-1' },
        }),
      );
    await assertRefused(create('us-east-1', 'moon-1'), 400, 'InvalidLocationConstraint');
    await assertRefused(create('us-east-1', 'us-east-1'), 400, 'InvalidLocationConstraint');
    await assertRefused(create('us-east-1', 'xx-moon-1'), 400, 'InvalidLocationConstraint');
    // AWS: a Region's own endpoint tells only that the constraint is not its own.
    for (const constraint of ['eu-central-1', 'us-east-1', 'moon-1'])
      await assertRefused(
        create('eu-west-1', constraint),
        400,
        'IllegalLocationConstraintException',
        RegExp(constraint),
      );
    await assertRefused(create('xx-moon-1', 'xx-moon-1'), 400, 'InvalidLocationConstraint');
  });

  test('one that is not there, or not empty', async () => {
    await assertRefused(s3.send(new ListObjectsV2Command({ Bucket: 'nowhere' })), 404, 'NoSuchBucket');
    await assertRefused(put({ Bucket: 'nowhere' }), 404, 'NoSuchBucket');
    await assertRefused(s3.send(new HeadBucketCommand({ Bucket: 'nowhere' })), 404, 'NotFound');
    await assertRefused(s3.send(new DeleteBucketCommand({ Bucket: 'nowhere' })), 404, 'NoSuchBucket');
    await assertRefused(s3.send(new DeleteBucketCommand({ Bucket })), 409, 'BucketNotEmpty');
  });

  test('ACLs and Object Lock of a new one', async () => {
    await assertRefused(
      s3.send(new CreateBucketCommand({ Bucket: 'acl', ACL: 'public-read' })),
      400,
      'InvalidBucketAclWithObjectOwnership',
    );
    await assertRefused(
      s3.send(new CreateBucketCommand({ Bucket: 'lock', ObjectLockEnabledForBucket: true })),
      501,
      'NotImplemented',
      /x-amz-bucket-object-lock-enabled/,
    );
  });
});

describe('headers that ask for what is not there are refused by name', () => {
  const cases: [Partial<PutObjectCommandInput>, number, string, RegExp][] = [
    [{ WebsiteRedirectLocation: '/x' }, 501, 'NotImplemented', /x-amz-website-redirect-location/],
    [{ ObjectLockMode: 'GOVERNANCE' }, 501, 'NotImplemented', /x-amz-object-lock-mode/],
    [{ ObjectLockLegalHoldStatus: 'ON' }, 501, 'NotImplemented', /x-amz-object-lock-legal-hold/],
    [{ StorageClass: 'GLACIER' }, 400, 'InvalidStorageClass', /GLACIER_IR/],
    [{ StorageClass: 'FOO' as 'GLACIER' }, 400, 'InvalidStorageClass', /./],
    [{ ACL: 'public-read' }, 400, 'AccessControlListNotSupported', /./],
    [{ GrantRead: 'id="1"' }, 400, 'AccessControlListNotSupported', /./],
    [{ WriteOffsetBytes: 1 }, 501, 'NotImplemented', /x-amz-write-offset-bytes/],
    [{ IfNoneMatch: '"etag"' }, 501, 'NotImplemented', /If-None-Match/],
    [{ Metadata: { a: 'x'.repeat(2100) } }, 400, 'MetadataTooLarge', /./],
    [{ Key: 'k'.repeat(1025) }, 400, 'KeyTooLongError', /./],
    [{ Key: 'ü'.repeat(513) }, 400, 'KeyTooLongError', /./],
    [{ ExpectedBucketOwner: '999999999999' }, 403, 'AccessDenied', /expected-bucket-owner/],
  ];
  for (const [input, status, code, message] of cases)
    test(`${JSON.stringify(input).slice(0, 60)} is ${code}`, () => assertRefused(put(input), status, code, message));

  test('what they may say is accepted', async () => {
    for (const input of [
      { ACL: 'private' },
      { ACL: 'bucket-owner-full-control' },
      { StorageClass: 'STANDARD' },
      { ExpectedBucketOwner: '111111111111' },
      { Key: 'ü'.repeat(512) },
      { Metadata: { a: 'x'.repeat(2047) } },
    ] as const)
      await put(input);
  });
});

describe('what is signed for directory buckets', () => {
  test('is refused by its name', async () => {
    const named = (name: string) => new RegExp(`${name} is not implemented`);
    await assertRefused(
      s3.send(new ListDirectoryBucketsCommand({})),
      501,
      'NotImplemented',
      named('ListDirectoryBuckets'),
    );
    const express = { service: 's3express' };
    const list = await server.ask({ ...express, method: 'GET', target: '/?max-directory-buckets=10' });
    assertXmlRefused(list, 501, 'NotImplemented');
    const session = await server.ask({ ...express, method: 'GET', target: '/pets--use1-az1--x-s3?session=' });
    assertXmlRefused(session, 501, 'NotImplemented');
    assert.match(session.body, named('CreateSession'));
  });

  test('and is none of their operations is told the services that there are', async () => {
    const answer = await server.ask({ service: 's3express', method: 'GET', target: `/${Bucket}/k` });
    assertXmlRefused(answer, 400, 'AuthorizationHeaderMalformed');
  });
});

describe('objects', () => {
  test('a key, a version or a source that is not there', async () => {
    await assertRefused(s3.send(new GetObjectCommand({ Bucket, Key: 'absent' })), 404, 'NoSuchKey');
    await assertRefused(s3.send(new HeadObjectCommand({ Bucket, Key: 'absent' })), 404, 'NotFound');
    await assertRefused(
      s3.send(new GetObjectCommand({ Bucket, Key: 'there', VersionId: 'v1' })),
      400,
      'InvalidArgument',
    );
    const copy = (CopySource: string) => s3.send(new CopyObjectCommand({ Bucket, Key: 'c', CopySource }));
    await assertRefused(copy(`${Bucket}/absent`), 404, 'NoSuchKey');
    await assertRefused(copy('nowhere/k'), 404, 'NoSuchBucket');
    await assertRefused(copy('no-slash'), 400, 'InvalidArgument', /x-amz-copy-source|CopySource|Copy Source/);
  });

  test('lists that cannot be made', async () => {
    const list = (input: object) => s3.send(new ListObjectsV2Command({ Bucket, ...input }));
    await assertRefused(list({ MaxKeys: -1 }), 400, 'InvalidArgument', /max-keys/);
    await assertRefused(list({ ContinuationToken: '!' }), 400, 'InvalidArgument', /continuation token/);
    await assertRefused(list({ EncodingType: 'base64' }), 400, 'InvalidArgument');
  });

  test('deleting nothing, or more than a thousand', async () => {
    const remove = (count: number) =>
      s3.send(
        new DeleteObjectsCommand({
          Bucket,
          Delete: { Objects: Array.from({ length: count }, (_, index) => ({ Key: `${index}` })) },
        }),
      );
    await assertRefused(remove(0), 400, 'MalformedXML');
    await assertRefused(remove(1001), 400, 'MalformedXML', /1 to 1000/);
    assert.equal((await remove(1000)).Deleted?.length, 1000);
  });

  test('a policy that is none, or for another bucket', async () => {
    const putPolicy = (Policy: string) => s3.send(new PutBucketPolicyCommand({ Bucket, Policy }));
    const statement = { Effect: 'Allow', Principal: '*', Action: 's3:GetObject' };
    const policy = (Resource: string) =>
      JSON.stringify({ Version: '2012-10-17', Statement: [{ ...statement, Resource }] });
    await assertRefused(putPolicy('{'), 400, 'MalformedPolicy', /Json/);
    await assertRefused(putPolicy('{"Version":"2012-10-17"}'), 400, 'MalformedPolicy');
    await assertRefused(putPolicy(policy('arn:aws:s3:::another/*')), 400, 'MalformedPolicy', /another/);
    await assertRefused(putPolicy(policy(`arn:aws:s3:::${Bucket}x`)), 400, 'MalformedPolicy');
  });
});

describe('what clients ask every bucket first', () => {
  test('is answered with what is true', async () => {
    assert.equal((await s3.send(new GetBucketVersioningCommand({ Bucket }))).Status, undefined);
    assert.equal((await s3.send(new GetBucketLocationCommand({ Bucket }))).LocationConstraint, undefined);
    assert.equal((await s3.send(new GetBucketRequestPaymentCommand({ Bucket }))).Payer, 'BucketOwner');
    assert.deepEqual((await s3.send(new GetObjectTaggingCommand({ Bucket, Key: 'there' }))).TagSet, []);
    const { Owner, Grants } = await s3.send(new GetBucketAclCommand({ Bucket }));
    assert.deepEqual(
      Grants?.map(({ Grantee, Permission }) => [Grantee?.ID, Permission]),
      [[Owner?.ID, 'FULL_CONTROL']],
    );
    const { OwnershipControls } = await s3.send(new GetBucketOwnershipControlsCommand({ Bucket }));
    assert.deepEqual(OwnershipControls?.Rules, [{ ObjectOwnership: 'BucketOwnerEnforced' }]);
    await assertRefused(s3.send(new GetBucketTaggingCommand({ Bucket })), 404, 'NoSuchTagSet');
    await assertRefused(s3.send(new GetBucketCorsCommand({ Bucket })), 404, 'NoSuchCORSConfiguration');
    await assertRefused(s3.send(new GetBucketPolicyCommand({ Bucket })), 404, 'NoSuchBucketPolicy');
    await assertRefused(s3.send(new GetBucketWebsiteCommand({ Bucket })), 404, 'NoSuchWebsiteConfiguration');
    await assertRefused(
      s3.send(new GetBucketLifecycleConfigurationCommand({ Bucket })),
      404,
      'NoSuchLifecycleConfiguration',
    );
    await assertRefused(
      s3.send(new GetBucketReplicationCommand({ Bucket })),
      404,
      'ReplicationConfigurationNotFoundError',
    );
    await assertRefused(
      s3.send(new GetObjectLockConfigurationCommand({ Bucket })),
      404,
      'ObjectLockConfigurationNotFoundError',
    );
    await assertRefused(
      s3.send(new GetPublicAccessBlockCommand({ Bucket })),
      404,
      'NoSuchPublicAccessBlockConfiguration',
    );
  });

  test('and what is not there is refused by the name of its operation', async () => {
    const refused = (answer: Promise<unknown>, name: RegExp) => assertRefused(answer, 501, 'NotImplemented', name);
    await refused(
      s3.send(new PutBucketWebsiteCommand({ Bucket, WebsiteConfiguration: { IndexDocument: { Suffix: 'i' } } })),
      /PutBucketWebsite/,
    );
    await refused(
      s3.send(new PutBucketReplicationCommand({ Bucket, ReplicationConfiguration: { Role: 'r', Rules: [] } })),
      /PutBucketReplication/,
    );
    await refused(s3.send(new PutObjectLockConfigurationCommand({ Bucket })), /PutObjectLockConfiguration/);
  });
});

describe('bucket policies that could never hold', () => {
  const on = (Action: string | string[], Resource: string, Principal: unknown = { AWS: '222222222222' }) =>
    s3.send(
      new PutBucketPolicyCommand({
        Bucket,
        Policy: JSON.stringify({
          Version: '2012-10-17',
          Statement: [{ Effect: 'Allow', Principal, Action, Resource }],
        }),
      }),
    );
  const ofBucket = `arn:aws:s3:::${Bucket}`;

  test('an action on buckets needs a bucket, one on objects objects', async () => {
    const message = /^Action does not apply to any resource\(s\) in statement/;
    await assertRefused(on('s3:ListBucket', `${ofBucket}/*`), 400, 'MalformedPolicy', message);
    await assertRefused(on(['s3:GetObject', 's3:getbucketacl'], `${ofBucket}/*`), 400, 'MalformedPolicy', message);
    await assertRefused(on('s3:GetObject', ofBucket), 400, 'MalformedPolicy', message);
    for (const [action, resource] of [
      ['s3:ListBucket', `${ofBucket}*`],
      ['s3:GetObject', `${ofBucket}*`],
      ['s3:Get*', `${ofBucket}/*`],
      ['s3:NewerThanOurList', ofBucket],
      ['*', ofBucket],
    ] as const)
      await on(action, resource);
  });
  test('an action of another service is invalid', async () => {
    await assertRefused(on('iam:GetUser', `${ofBucket}/*`), 400, 'MalformedPolicy', /^Policy has invalid action/);
  });
  test('a user or role of the account that is not there is no principal', async () => {
    for (const name of ['user/nobody', 'role/some/path/nobody'])
      await assertRefused(
        on('s3:GetObject', `${ofBucket}/*`, { AWS: `arn:aws:iam::111111111111:${name}` }),
        400,
        'MalformedPolicy',
        /^Invalid principal in policy: "AWS":"arn/,
      );
  });
});
