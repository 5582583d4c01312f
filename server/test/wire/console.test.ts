import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { sendRaw } from '../support/raw-http.ts';
import { startServer, type TestServer } from '../support/server.ts';

const SCRIPT = 'export const answer = 42;';

describe('the console', () => {
  let server: TestServer;
  let folder: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'likeness-console-'));
    server = await startServer({ config: { consolePath: join(folder, 'dist') } });
  });
  after(async () => {
    await server.close();
    await rm(folder, { recursive: true });
  });

  function ask(path: string, { method = 'GET', headers = [] as string[] } = {}) {
    const lines = [`${method} ${path} HTTP/1.1`, `host: 127.0.0.1:${server.port}`, ...headers, '', ''];
    return sendRaw(server.port, lines.join('\r\n'), { head: method === 'HEAD' });
  }

  it('says how to build it where it is not built, and is there once it is', async () => {
    const missing = await ask('/_console/');
    assert.equal(missing.status, 503);
    assert.match(missing.body, /npm run setup/);
    await mkdir(join(folder, 'dist/assets'), { recursive: true });
    await writeFile(join(folder, 'dist/index.html'), '<!doctype html><title>Likeness</title>');
    await writeFile(join(folder, 'dist/assets/index-abc123.js'), SCRIPT);
    await writeFile(join(folder, 'dist/assets/index-abc123.js.gz'), gzipSync(SCRIPT));
    await writeFile(join(folder, 'secret.js'), 'not of the console');
    assert.equal((await ask('/_console/')).status, 200);
  });

  it('sends its page for every address of the browser, with scripts of its own alone', async () => {
    for (const path of ['/_console/', '/_console/custom-models', '/_console/custom-models/jobs/a?tab=b']) {
      const { status, headers, body } = await ask(path);
      assert.deepEqual([status, headers['content-type']], [200, 'text/html; charset=utf-8'], path);
      assert.match(body, /<title>Likeness/);
      assert.equal(headers['cache-control'], 'no-cache');
      assert.match(headers['content-security-policy'] ?? '', /script-src 'self';/);
      assert.doesNotMatch(headers['content-security-policy'] ?? '', /unsafe/);
      assert.equal(headers['x-content-type-options'], 'nosniff');
    }
    const { status, headers } = await ask('/_console');
    assert.deepEqual([status, headers.location], [301, '/_console/']);
  });

  it('is where a browser that opens the endpoint itself is sent, and S3 answers everybody else there', async () => {
    const browser = 'accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8';
    const { status, headers } = await ask('/', { headers: [browser] });
    assert.deepEqual([status, headers.location, headers.vary], [303, '/_console/', 'accept']);
    for (const [path, more] of [
      ['/', ['accept: */*']],
      ['/', []],
      ['/?x-id=ListBuckets', [browser]],
      ['/', [browser, 'authorization: AWS4-HMAC-SHA256 Credential=AKIA/20261127/us-east-1/s3/aws4_request']],
      ['/a-bucket/', [browser]],
    ] as const) {
      const answer = await ask(path, { headers: [...more] });
      assert.equal(answer.headers['content-type'], 'application/xml', `${path} ${more}`);
    }
    const ofBucket = `GET / HTTP/1.1\r\nhost: a-bucket.localhost:${server.port}\r\n${browser}\r\n\r\n`;
    assert.equal((await sendRaw(server.port, ofBucket)).headers['content-type'], 'application/xml');
  });

  it('sends files whose names hold a hash for ever, compressed where the browser takes that', async () => {
    const plain = await ask('/_console/assets/index-abc123.js');
    assert.equal(plain.body, SCRIPT);
    assert.equal(plain.headers['cache-control'], 'public, max-age=31536000, immutable');
    const packed = await ask('/_console/assets/index-abc123.js', { headers: ['accept-encoding: gzip, deflate'] });
    assert.equal(packed.headers['content-encoding'], 'gzip');
    assert.equal(packed.headers.vary, 'accept-encoding');
    assert.notEqual(packed.headers['content-length'], plain.headers['content-length']);
    const again = await ask('/_console/assets/index-abc123.js', {
      headers: [`if-none-match: ${plain.headers.etag}`],
    });
    assert.deepEqual([again.status, again.body], [304, '']);
  });

  it('has no other file, and takes nothing', async () => {
    for (const path of ['/_console/assets/other.js', '/_console/../secret.js', '/_console/%2e%2e/secret.js'])
      assert.notEqual((await ask(path)).status, 200, path);
    const { status, headers } = await ask('/_console/', { method: 'POST', headers: ['content-length: 0'] });
    assert.deepEqual([status, headers.allow], [405, 'GET, HEAD']);
    assert.equal((await ask('/_console/', { method: 'HEAD' })).body, '');
  });
});
