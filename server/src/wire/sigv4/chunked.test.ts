import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { type RunningChecksum, verifiedBody } from '../body.ts';
import { decodeChunked } from './chunked.ts';
import { signingKey } from './key.ts';
import type { ChunkChain } from './verify.ts';

const scope = { date: '20130524', region: 'us-east-1', service: 's3' };
const key = signingKey('wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY', scope);
const DATA = Buffer.alloc(66560, 'a');

function chain(seedSignature: string): ChunkChain {
  return { key, timestamp: '20130524T000000Z', scope, seedSignature };
}

function documentedBody([first, second, last]: string[], end: string): Buffer {
  return Buffer.concat([
    Buffer.from(`10000;chunk-signature=${first}\r\n`),
    DATA.subarray(0, 65536),
    Buffer.from(`\r\n400;chunk-signature=${second}\r\n`),
    DATA.subarray(65536),
    Buffer.from(`\r\n0;chunk-signature=${last}\r\n${end}`),
  ]);
}

// S3 API reference, "Signature calculations … transferring payload in multiple chunks".
const SEED = '4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9';
const PLAIN = documentedBody(
  [
    'ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648',
    '0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497',
    'b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9',
  ],
  '\r\n',
);

// The same reference, "… including trailing headers".
const TRAILER_SEED = '106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e';
const TRAILER_SIGNATURES = [
  'b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2',
  '1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7',
  '2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992',
];
const TRAILER_LINES =
  'x-amz-checksum-crc32c:sOO8/Q==\r\nx-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n';

async function* inPieces(body: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < body.length; start += size) yield body.subarray(start, start + size);
}

interface Decoded {
  data: Buffer;
  trailers: Record<string, string>;
}

async function decode(
  body: Uint8Array,
  size: number,
  options: { chain?: ChunkChain; trailer?: boolean; decodedSizeBytes?: number } = {},
): Promise<Decoded> {
  const pieces: Uint8Array[] = [];
  let trailers: Record<string, string> = {};
  const chunks = decodeChunked(inPieces(body, size), {
    chain: options.chain,
    trailer: options.trailer ?? false,
    decodedSizeBytes: options.decodedSizeBytes,
    onEnd: map => {
      trailers = Object.fromEntries(map);
    },
  });
  for await (const chunk of chunks) pieces.push(chunk);
  return { data: Buffer.concat(pieces), trailers };
}

describe("S3's documented chunked uploads", () => {
  for (const size of [1, 7, 1000, 65_536, 1e9])
    test(`decode and verify in pieces of ${size} bytes`, async () => {
      const plain = await decode(PLAIN, size, { chain: chain(SEED), decodedSizeBytes: DATA.length });
      assert.deepEqual(plain.data, DATA);
      const withTrailer = documentedBody(TRAILER_SIGNATURES, `${TRAILER_LINES}\r\n`);
      const trailed = await decode(withTrailer, size, { chain: chain(TRAILER_SEED), trailer: true });
      assert.deepEqual(trailed, { data: DATA, trailers: { 'x-amz-checksum-crc32c': 'sOO8/Q==' } });
    });

  test('the trailer may stand as a chunk of its own, as the reference draws it', async () => {
    const body = documentedBody(TRAILER_SIGNATURES, `\r\n${TRAILER_LINES}`);
    const { trailers } = await decode(body, 100, { chain: chain(TRAILER_SEED), trailer: true });
    assert.deepEqual(trailers, { 'x-amz-checksum-crc32c': 'sOO8/Q==' });
  });

  test('a flipped bit anywhere is refused', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(PLAIN.length - 3), fc.nat(7), async (position, bit) => {
        const spoilt = Buffer.from(PLAIN);
        spoilt[position] = (spoilt[position] ?? 0) ^ (1 << bit);
        // The letter case of a chunk's size is no part of what it says.
        if (spoilt.toString('latin1').toLowerCase() === PLAIN.toString('latin1').toLowerCase()) return;
        await assert.rejects(decode(spoilt, 4096, { chain: chain(SEED), decodedSizeBytes: DATA.length }));
      }),
      { numRuns: 60 },
    );
  });

  const refusals: [name: string, body: Buffer, code: string][] = [
    ['a body cut in a chunk', PLAIN.subarray(0, 70_000 - 10_000), 'IncompleteBody'],
    ['a body without its last chunk', PLAIN.subarray(0, PLAIN.length - 88), 'IncompleteBody'],
    ['bytes after the end', Buffer.concat([PLAIN, Buffer.from('x')]), 'InvalidChunkSizeError'],
    ['a chunk without signature', Buffer.from('1\r\na\r\n0\r\n\r\n'), 'SignatureDoesNotMatch'],
    ['a size that is no number', Buffer.from('xyz\r\n'), 'InvalidChunkSizeError'],
    ['an endless line', Buffer.alloc(5000, '0'), 'InvalidChunkSizeError'],
  ];
  for (const [name, body, code] of refusals)
    test(`${name}: ${code}`, async () => {
      await assert.rejects(decode(body, 1000, { chain: chain(SEED), decodedSizeBytes: DATA.length }), { code });
    });

  test('chunks swapped, or more or fewer bytes than declared, are refused', async () => {
    const decodedSizeBytes = DATA.length - 1;
    await assert.rejects(decode(PLAIN, 1000, { chain: chain(SEED), decodedSizeBytes }), { code: 'IncompleteBody' });
    const more = DATA.length + 1;
    await assert.rejects(decode(PLAIN, 1000, { chain: chain(SEED), decodedSizeBytes: more }), {
      code: 'IncompleteBody',
    });
    const swapped = Buffer.concat([PLAIN.subarray(65_536 + 90 - 1), PLAIN.subarray(0, 65_536 + 89)]);
    await assert.rejects(decode(swapped, 1000, { chain: chain(SEED) }));
  });

  test('a trailer with another value, or unsigned, is refused', async () => {
    for (const end of [
      TRAILER_LINES.replace('sOO8', 'sOO9'),
      'x-amz-checksum-crc32c:sOO8/Q==\r\n',
      TRAILER_LINES.replace('d81f', 'd81e'),
    ])
      await assert.rejects(
        decode(documentedBody(TRAILER_SIGNATURES, `${end}\r\n`), 1000, { chain: chain(TRAILER_SEED), trailer: true }),
        { code: 'SignatureDoesNotMatch' },
      );
  });
});

test('any body in any chunks comes out as it went in', async () => {
  const parts = fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(parts, fc.integer({ min: 1, max: 400 }), async (chunks, size) => {
      const body = Buffer.concat([
        ...chunks.flatMap(c => [Buffer.from(`${c.length.toString(16)}\r\n`), Buffer.from(c), Buffer.from('\r\n')]),
        Buffer.from('0\r\n\r\n'),
      ]);
      const { data } = await decode(body, size);
      assert.deepEqual(data, Buffer.concat(chunks));
    }),
  );
});

describe('what an upload declares is verified', () => {
  const start = (algorithm: string): RunningChecksum | undefined => {
    if (algorithm === 'sha256') {
      const hash = createHash('sha256');
      return { update: bytes => void hash.update(bytes), digest: () => hash.digest('base64') };
    }
    if (algorithm !== 'crc32') return undefined;
    let value = 0;
    return {
      update: bytes => {
        value = crc32(bytes, value);
      },
      digest: () => {
        const bytes = Buffer.alloc(4);
        bytes.writeUInt32BE(value);
        return bytes.toString('base64');
      },
    };
  };

  async function upload(body: string, headers: Record<string, string>): Promise<Record<string, string | undefined>> {
    const seen: Record<string, string | undefined> = { ...headers };
    const payload = { kind: 'chunked', chain: undefined, trailer: true } as const;
    for await (const _ of verifiedBody(inPieces(Buffer.from(body), 5), payload, seen, start));
    return seen;
  }
  const declared = { 'x-amz-decoded-content-length': '5', 'x-amz-trailer': 'x-amz-checksum-crc32' };

  test('a trailing checksum that fits is handed on', async () => {
    const headers = await upload('5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n', declared);
    assert.equal(headers['x-amz-checksum-crc32'], 'NhCmhg==');
  });
  test('one that does not fit: BadDigest', async () => {
    const body = '5\r\nhellO\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n';
    await assert.rejects(upload(body, declared), { code: 'BadDigest' });
  });
  test('one that was promised and is not there, or not promised and there: MalformedTrailerError', async () => {
    await assert.rejects(upload('5\r\nhello\r\n0\r\n\r\n', declared), { code: 'MalformedTrailerError' });
    const { 'x-amz-trailer': _, ...silent } = declared;
    const body = '5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n';
    await assert.rejects(upload(body, silent), { code: 'MalformedTrailerError' });
  });
  test('an algorithm nobody knows: InvalidRequest', async () => {
    await assert.rejects(upload('', { ...declared, 'x-amz-trailer': 'x-amz-checksum-crc99' }), {
      code: 'InvalidRequest',
    });
  });
  test('no decoded length: MissingContentLength', async () => {
    await assert.rejects(upload('', { 'x-amz-trailer': 'x-amz-checksum-crc32' }), { code: 'MissingContentLength' });
  });
  test('another body than its x-amz-content-sha256: XAmzContentSHA256Mismatch', async () => {
    const hex = createHash('sha256').update('hello').digest('hex');
    const read = async (body: string) => {
      for await (const _ of verifiedBody(inPieces(Buffer.from(body), 2), { kind: 'sha256', hex }, {}, start));
    };
    await read('hello');
    await assert.rejects(read('hellO'), { code: 'XAmzContentSHA256Mismatch' });
  });
});
