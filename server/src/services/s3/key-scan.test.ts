import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { KeyRange } from '../../ports/store-s3.ts';
import { encodeKey, scan, startAfter, successor } from './key-scan.ts';

const byBytes = (left: string, right: string) => Buffer.compare(Buffer.from(left), Buffer.from(right));

function rowsOf(keys: string[]) {
  const sorted = [...new Set(keys)].sort(byBytes).map(key => ({ key }));
  const fetched: number[] = [];
  const fetch = async ({ from, end, limit }: KeyRange) => {
    const rows = sorted
      .filter(({ key }) => (from.inclusive ? byBytes(key, from.key) >= 0 : byBytes(key, from.key) > 0))
      .filter(({ key }) => end === undefined || byBytes(key, end) < 0)
      .slice(0, limit);
    fetched.push(rows.length);
    return rows;
  };
  return { sorted, fetch, fetched };
}

/** The whole listing by the definition, without pages. */
function expected(keys: string[], prefix: string, delimiter: string): string[] {
  const entries = [...new Set(keys)]
    .filter(key => key.startsWith(prefix))
    .map(key => {
      const at = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
      return at === -1 ? key : key.slice(0, at + delimiter.length);
    });
  return [...new Set(entries)].sort(byBytes);
}

test('pages of any size, put together, are the listing', async () => {
  const key = fc.string({
    unit: fc.constantFrom('a', 'b', '/', '-', '\u{e000}', '\u{1f436}', '\u{10ffff}'),
    minLength: 1,
    maxLength: 6,
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(key, { maxLength: 60 }),
      fc.constantFrom('', 'a', 'a/', '/', '\u{1f436}'),
      fc.constantFrom('', '/', 'ab', '\u{10ffff}'),
      fc.integer({ min: 1, max: 7 }),
      async (keys, prefix, delimiter, limit) => {
        const { fetch } = rowsOf(keys);
        const listed: string[] = [];
        let marker: string | undefined = '';
        while (marker !== undefined) {
          const query = { prefix, delimiter, limit };
          const { items, commonPrefixes, next }: Awaited<ReturnType<typeof scan>> = await scan(
            startAfter(marker, query),
            query,
            fetch,
          );
          assert.ok(items.length + commonPrefixes.length <= limit);
          listed.push(...[...items.map(row => row.key), ...commonPrefixes].sort(byBytes));
          marker = next;
        }
        assert.deepEqual(listed, expected(keys, prefix, delimiter));
      },
    ),
    { numRuns: 300 },
  );
});

test('a folder costs one seek, however many keys it holds', async () => {
  const keys = ['a', 'z'];
  for (let index = 0; index < 5000; index++) keys.push(`folder/${index}`);
  const { fetch, fetched } = rowsOf(keys);
  const query = { prefix: '', delimiter: '/', limit: 1000 };
  const { items, commonPrefixes } = await scan(startAfter('', query), query, fetch);
  assert.deepEqual([items.map(row => row.key), commonPrefixes], [['a', 'z'], ['folder/']]);
  assert.ok(fetched.reduce((sum, count) => sum + count) <= 200, `${fetched}`);
});

test('the successor is behind everything with the prefix and nothing else', () => {
  assert.equal(successor('a'), 'b');
  assert.equal(successor('a\u{10ffff}'), 'b');
  assert.equal(successor('\u{d7ff}'), '\u{e000}');
  assert.equal(successor('\u{ffff}'), '\u{10000}');
  assert.equal(successor('\u{10ffff}'), undefined);
  assert.equal(successor(''), undefined);
});

test('encoding-type=url writes keys as S3 does', () => {
  assert.equal(encodeKey('test_file(3).png'), 'test_file%283%29.png');
  assert.equal(encodeKey('a b+ü/~*-._'), 'a+b%2B%C3%BC/%7E*-._');
  assert.equal(encodeKey('\u0001'), '%01');
});
