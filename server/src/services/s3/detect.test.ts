import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as S3 from '@aws-sdk/client-s3';
import { Fault } from '../../domain/fault.ts';
import { detectOperation } from './detect.ts';

type OperationSchema = [kind: number, namespace: string, name: string, traits: { http: [string, string, number] }];

const schemas = Object.values(S3).filter(
  (value): value is OperationSchema & typeof value => Array.isArray(value) && value[0] === 9,
) as unknown as OperationSchema[];
const everything = Object.fromEntries(schemas.map(([, , name]) => [name, true]));

function detect(method: string, target: string, headers: Record<string, string> = {}, implemented = everything) {
  const [path = '/', query = ''] = target.split('?');
  return detectOperation(implemented, method, path, new URLSearchParams(query), headers);
}

/** What a client adds to the schema's own path where that alone says too little. */
const EXTRA: Record<string, { query?: string; headers?: Record<string, string> }> = {
  AbortMultipartUpload: { query: 'uploadId=u' },
  CompleteMultipartUpload: { query: 'uploadId=u' },
  CopyObject: { headers: { 'x-amz-copy-source': 'b/k' } },
  ListParts: { query: 'uploadId=u' },
  UploadPart: { query: 'partNumber=1&uploadId=u' },
  UploadPartCopy: { query: 'partNumber=1&uploadId=u', headers: { 'x-amz-copy-source': 'b/k' } },
  GetBucketAnalyticsConfiguration: { query: 'id=x' },
  GetBucketIntelligentTieringConfiguration: { query: 'id=x' },
  GetBucketInventoryConfiguration: { query: 'id=x' },
  GetBucketMetricsConfiguration: { query: 'id=x' },
  GetObjectAnnotation: { query: 'annotationName=a' },
};

test('every operation of the SDK is found by its own request', () => {
  assert.ok(schemas.length > 100);
  for (const [, , name, traits] of schemas) {
    const [method, uri] = traits.http;
    const [path = '', query = ''] = uri.split('?');
    const ownPath = path === '/WriteGetObjectResponse';
    const atRoot = ownPath || name === 'ListBuckets' || name === 'ListDirectoryBuckets';
    const fullPath = (atRoot ? path : `/bucket${path}`).replace('{Key+}', 'a/key');
    const extra = EXTRA[name] ?? {};
    const found = detect(method, `${fullPath}?${[extra.query, query].filter(Boolean).join('&')}`, extra.headers);
    assert.ok('operation' in found, name);
    assert.equal(found.operation, name);
  }
});

test('one annotation and the list of them are told apart by the name, with and without the hint of an SDK', () => {
  const found = (query: string) => detect('GET', `/bucket/key?annotation&${query}`);
  for (const query of ['annotationName=a', 'annotationName=a&x-id=GetObjectAnnotation', 'x-id=GetObjectAnnotation'])
    assert.equal((found(query) as { operation: string }).operation, 'GetObjectAnnotation', query);
  for (const query of ['', 'x-id=ListObjectAnnotations', 'annotation-prefix=a'])
    assert.equal((found(query) as { operation: string }).operation, 'ListObjectAnnotations', query);
});

test('an operation that is not there is refused by its name', () => {
  assert.deepEqual(detect('GET', '/bucket?replication', {}, {} as never), { unsupported: 'GetBucketReplication' });
});

test('the key is everything after the bucket, decoded once, slashes and dots untouched', () => {
  const keys: [string, string][] = [
    ['/bucket/a%20b%2Bc%C3%BC', 'a b+cü'],
    ['/bucket//leading', '/leading'],
    ['/bucket/a/../b/./', 'a/../b/./'],
    ['/bucket/a+b', 'a+b'],
    ['/bucket/%2525', '%25'],
  ];
  for (const [path, key] of keys)
    assert.deepEqual(detect('GET', path), { operation: 'GetObject', labels: { Bucket: 'bucket', Key: key } });
});

test('a bucket with or without a trailing slash is the same', () => {
  for (const path of ['/bucket', '/bucket/'])
    assert.deepEqual(detect('HEAD', path), { operation: 'HeadBucket', labels: { Bucket: 'bucket' } });
});

test('a method that no operation has is MethodNotAllowed', () => {
  for (const [method, target] of [
    ['PATCH', '/bucket/key'],
    ['DELETE', '/'],
    ['PUT', '/bucket?location'],
    ['POST', '/bucket/key'],
  ] as const)
    assert.throws(
      () => detect(method, target),
      error => error instanceof Fault && error.code === 'MethodNotAllowed',
    );
});

test('a path that is not UTF-8 is InvalidURI', () => {
  assert.throws(
    () => detect('GET', '/bucket/%ff'),
    error => error instanceof Fault && error.code === 'InvalidURI',
  );
});
