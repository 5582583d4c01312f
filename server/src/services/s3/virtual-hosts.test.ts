import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { pathStyle } from './virtual-hosts.ts';

describe('the bucket in a host name', () => {
  const cases: [host: string, path: string, bucketAndKey: string, rest: string][] = [
    ['pictures.s3.us-east-1.amazonaws.com', '/a/b', '/pictures/a/b', 's3.us-east-1.amazonaws.com'],
    ['pictures.s3.amazonaws.com', '/', '/pictures/', 's3.amazonaws.com'],
    ['pictures.s3-eu-west-1.amazonaws.com', '/a', '/pictures/a', 's3-eu-west-1.amazonaws.com'],
    ['pictures.s3.dualstack.eu-west-1.amazonaws.com', '/a', '/pictures/a', 's3.dualstack.eu-west-1.amazonaws.com'],
    ['my.dotted.pictures.s3.localhost:4747', '/a', '/my.dotted.pictures/a', 's3.localhost:4747'],
    ['pictures.s3.eu-west-1.localhost', '/a', '/pictures/a', 's3.eu-west-1.localhost'],
    ['pictures.localhost:4748', '/a%20b', '/pictures/a%20b', 'localhost:4748'],
    ['Pictures.S3.localhost', '/a', '/pictures/a', 's3.localhost'],
    ['pictures.store.example.com', '/a', '/pictures/a', 'store.example.com'],
    ['s3.pictures.localhost', '/a', '/s3.pictures/a', 'localhost'],
  ];
  for (const [host, path, expected, rest] of cases)
    it(`${host}${path} is ${expected}`, () =>
      assert.deepEqual(pathStyle(host, path, ['store.example.com']), { host: rest, path: expected }));

  for (const host of [
    'localhost:4747',
    '127.0.0.1:4747',
    '[::1]:4747',
    's3.localhost',
    's3.us-east-1.localhost',
    's3.us-east-1.amazonaws.com',
    's3.amazonaws.com',
    'store.example.com',
    'another.example.org',
    'notlocalhost',
    '',
  ])
    it(`${host || 'none'} names no bucket`, () =>
      assert.deepEqual(pathStyle(host, '/bucket/key', ['store.example.com']), { host, path: '/bucket/key' }));
});
