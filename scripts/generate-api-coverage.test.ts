import assert from 'node:assert/strict';
import { test } from 'node:test';
import { commandsIn, methodName, methodsIn } from './generate-api-coverage.ts';

test('a command counts for the client it comes from, by name or through the module', () => {
  const source = `
    import { type CopyObjectCommand, GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
    import * as kms from '@aws-sdk/client-kms';
    await client.send(new kms.TagResourceCommand({}));
  `;
  assert.deepEqual([...commandsIn(source)], ['s3/GetObject', 'kms/TagResource']);
});

test('a method counts for its service; one that several have, for the client that it is called on', () => {
  const source = `
    s3.put_object(Bucket="b")
    kms.list_aliases()
    iam.get_paginator("list_roles")
    client("kms").tag_resource(KeyId="k")
    kms.tag_resource(KeyId="k")
  `;
  assert.deepEqual([...methodsIn(source)], ['s3/PutObject', 'kms/ListAliases', 'iam/ListRoles', 'kms/TagResource']);
});

test('methods are named as botocore names them', () => {
  assert.deepEqual(['ListObjectsV2', 'ListMFADevices', 'PutBucketCors', 'GetBucketAcl'].map(methodName), [
    'list_objects_v2',
    'list_mfa_devices',
    'put_bucket_cors',
    'get_bucket_acl',
  ]);
});
