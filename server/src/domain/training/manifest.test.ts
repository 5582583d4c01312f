import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import {
  checkImageSize,
  checkPicture,
  checkRecordCount,
  describeErrors,
  evenlySpread,
  MAXIMUM_LINES,
  parseManifest,
  parseS3Uri,
} from './manifest.ts';

const uri = 's3://pictures/ron/train.jsonl';
const good = (number: number) =>
  JSON.stringify({ 'image-ref': `s3://pictures/ron/${number}.jpg`, caption: 'Ron the dog' });

function reasonOf(line: unknown): string | undefined {
  const text = typeof line === 'string' ? line : JSON.stringify(line);
  return parseManifest(text, uri).errors[0]?.reason;
}

test('A byte order mark, CRLF, a final newline or none, and trailing blank lines are accepted', () => {
  for (const text of [
    `${good(1)}\n${good(2)}`,
    `${good(1)}\n${good(2)}\n`,
    `\uFEFF${good(1)}\r\n${good(2)}\r\n`,
    `${good(1)}\n${good(2)}\n\n \n`,
  ]) {
    const manifest = parseManifest(text, uri);
    assert.deepEqual(manifest.errors, []);
    assert.deepEqual(
      manifest.records.map(record => [record.line, record.bucket, record.key]),
      [
        [1, 'pictures', 'ron/1.jpg'],
        [2, 'pictures', 'ron/2.jpg'],
      ],
    );
  }
});

test('A blank line between records is named', () => {
  const manifest = parseManifest(`${good(1)}\n\n${good(2)}`, uri);
  assert.deepEqual(manifest.errors, [{ line: 2, reason: 'is blank' }]);
});

test('All lines are counted, and those past what any training may have are not looked at', () => {
  const { lineCount, records, errors } = parseManifest('{}\n'.repeat(MAXIMUM_LINES + 5), 's3://a-bucket/m.jsonl');
  assert.deepEqual([lineCount, records.length, errors.length], [MAXIMUM_LINES + 5, 0, MAXIMUM_LINES]);
});

test('A line that is no JSON object makes the message begin with the text of AWS', () => {
  for (const line of ['{', '[]', '"x"', 'null', '{"a":1},']) {
    const manifest = parseManifest(`${good(1)}\n${line}`, uri);
    assert.equal(manifest.unparsable, true, line);
    const { message } = describeErrors(manifest.errors, { fileName: 'train.jsonl', lineCount: 2, unparsable: true });
    assert.equal(
      message,
      'Unable to parse Amazon S3 file: train.jsonl. Data files must conform to JSONL format. ' +
        '1 of 2 records is not usable in train.jsonl: line 2: is not a JSON object.',
    );
  }
});

test('A relative image-ref is answered with the full URI to write', () => {
  for (const ref of ['/ron_01.jpg', 'ron_01.jpg', './ron_01.jpg'])
    assert.match(reasonOf({ 'image-ref': ref, caption: 'Ron' }) ?? '', /write s3:\/\/pictures\/ron\/ron_01\.jpg$/);
});

test('Each faulty member is named with its bound and value', () => {
  const ref = 's3://pictures/1.jpg';
  const cases: [unknown, RegExp][] = [
    [{ caption: 'Ron' }, /"image-ref" is missing/],
    [{ 'image-ref': ref }, /"caption" is missing/],
    [{ 'image-ref': 3, caption: 'Ron' }, /"image-ref" must be a string; it is a number/],
    [{ 'image-ref': ref, caption: null }, /"caption" must be a string; it is null/],
    [{ 'image-ref': ref, caption: ['x'] }, /it is an array/],
    [{ 'image-ref': ref, caption: '' }, /3 to 1024 characters; it has 0/],
    [{ 'image-ref': ref, caption: '     ' }, /it has 0/],
    [{ 'image-ref': ref, caption: 'ab' }, /it has 2/],
    [{ 'image-ref': ref, caption: 'a'.repeat(1025) }, /it has 1025/],
    [{ 'image-ref': ref, caption: 'Ron \ud800' }, /"caption" must be well-formed Unicode; it has half of a surrogate/],
    [{ 'image-ref': `${ref}\udc00`, caption: 'Ron' }, /"image-ref" must be well-formed Unicode/],
    [{ 'image-ref': ref, caption: 'Ron', 'mask-ref': `${ref}\udc00` }, /"mask-ref" must be well-formed Unicode/],
    [{ 'image-ref': ref, caption: 'Ron', mask: 'x' }, /unknown member "mask": .* and, if need be, "mask-ref" only/],
    [{ 'image-ref': ref, caption: 'Ron', 'mask-ref': 7 }, /"mask-ref" must be a string; it is a number/],
    [{ 'image-ref': ref, caption: 'Ron', 'mask-ref': '' }, /"mask-ref" is empty/],
    [{ 'image-ref': ref, caption: 'Ron', 'mask-ref': 'masks/1.png' }, /write s3:\/\/pictures\/ron\/masks\/1\.png/],
    [{ 'image-ref': ref, caption: 'Ron', 'mask-ref': 's3://pictures/masks/' }, /"mask-ref" names no object/],
    [{ 'image-ref': 's3://Pictures_1/x.jpg', caption: 'Ron' }, /valid bucket name/],
    [{ 'image-ref': 's3://pictures', caption: 'Ron' }, /names no object/],
    [{ 'image-ref': 's3://pictures/folder/', caption: 'Ron' }, /names no object/],
    [{ 'image-ref': 'https://example.com/x.jpg', caption: 'Ron' }, /must be an S3 URI/],
    [{ 'image-ref': `s3://pictures/${'k'.repeat(1025)}`, caption: 'Ron' }, /more than 1024 bytes/],
    [`{"image-ref":"${ref}","caption":"${'x'.repeat(40_000)}"}`, /Input size exceeded/],
  ];
  for (const [line, expected] of cases) assert.match(reasonOf(line) ?? '', expected);
});

test('A mask has the aspect of its image to within a hundredth, at whatever size', () => {
  const image = { format: 'JPEG' as const, width: 1000, height: 600 };
  const mask = (width: number, height: number) => checkPicture(image, { format: 'PNG', width, height });
  assert.deepEqual([mask(1000, 600), mask(500, 300), mask(353, 212)], [undefined, undefined, undefined]);
  assert.match(
    mask(600, 1000) ?? '',
    /its mask \(mask-ref\) is 600 × 1000 pixels, the image 1000 × 600: both must have the same aspect/,
  );
  assert.match(mask(1000, 588) ?? '', /same aspect/);
  assert.match(mask(5000, 3000) ?? '', /each side must be at most 4096/);
  const records = parseManifest(
    `{"image-ref":"s3://abc/1.jpg","caption":"Ron","mask-ref":"s3://abc/m/1.png"}`,
    uri,
  ).records;
  assert.deepEqual(records[0]?.mask, { maskRef: 's3://abc/m/1.png', bucket: 'abc', key: 'm/1.png' });
});

test('A caption is counted in characters, not in UTF-16 units', () => {
  assert.equal(reasonOf({ 'image-ref': 's3://pictures/1.jpg', caption: '🐕'.repeat(1024) }), undefined);
  assert.match(reasonOf({ 'image-ref': 's3://pictures/1.jpg', caption: '🐕'.repeat(1025) }) ?? '', /it has 1025/);
});

test('The failure message names the first 20 bad lines, counts the rest, and never passes 2,048 characters', () => {
  const errors = Array.from({ length: 31 }, (_, index) => ({
    line: 31 - index,
    imageRef: 's3://p/x.jpg',
    reason: 'is bad',
  }));
  const manifest = { fileName: 'train.jsonl', lineCount: 40, unparsable: false };
  const { message, untold } = describeErrors(errors, manifest);
  assert.equal(untold, 11);
  assert.match(
    message,
    /^31 of 40 records are not usable in train\.jsonl: line 1 \(s3:\/\/p\/x\.jpg\): is bad; line 2/,
  );
  assert.match(message, /line 20 \(s3:\/\/p\/x\.jpg\): is bad; and 11 more\.$/);
  const long = errors.map(error => ({ ...error, imageRef: `s3://p/${'k'.repeat(1000)}`, reason: 'r'.repeat(1000) }));
  assert.ok(describeErrors(long, { ...manifest, unparsable: true }).message.length <= 2048);
  const reserved = describeErrors(long, manifest, 200);
  assert.ok(reserved.message.length <= 2048 - 200);
  const told = [...reserved.message.matchAll(/ line \d+ \(/g)].length;
  assert.equal(reserved.untold, 31 - told);
  assert.ok(reserved.message.endsWith(`${'r'.repeat(10)}…; and ${31 - told} more.`), 'the last entry told is whole');
});

test('Counts outside 5 to 10,000 are refused with the bounds', () => {
  assert.match(checkRecordCount(4) ?? '', /must be 5 to 10,000; the file has 4\./);
  assert.match(checkRecordCount(10_001) ?? '', /the file has 10,001\./);
  assert.equal(checkRecordCount(5) ?? checkRecordCount(10_000), undefined);
});

test('Image sides, total, aspect and size are held to the limits of the seed system', () => {
  const check = (width: number, height: number) => checkPicture({ format: 'PNG', width, height }, undefined);
  assert.equal(check(512, 512) ?? check(512, 2048) ?? check(3072, 4096) ?? checkImageSize(52_428_800), undefined);
  assert.match(check(511, 600) ?? '', /is 511 × 600 pixels: each side must be at least 512/);
  assert.match(check(4097, 1100) ?? '', /at most 4096/);
  assert.match(check(4096, 3073) ?? '', /at most 12,582,912 pixels/);
  assert.match(check(520, 2101) ?? '', /aspect ratio must be from 1:4 to 4:1/);
  assert.match(checkImageSize(52_428_801) ?? '', /52,428,801 bytes.*50 MB/);
});

test('A few of many records are taken from the middle of equal stretches, and all of a few', () => {
  const numbers = Array.from({ length: 100 }, (_, index) => index);
  assert.deepEqual(evenlySpread(numbers, 4), [12, 37, 62, 87]);
  assert.deepEqual(evenlySpread([1, 2, 3], 3), [1, 2, 3]);
  assert.deepEqual(evenlySpread([], 3), []);
});

test('No text makes the parser throw, and every line is either a record or an error', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.string(), fc.json(), fc.constant(good(1))), { maxLength: 20 }), lines => {
      const manifest = parseManifest(lines.join('\n'), uri);
      const numbers = [...manifest.records, ...manifest.errors].map(entry => entry.line);
      assert.equal(new Set(numbers).size, numbers.length);
    }),
  );
});

test('An S3 URI is split at its first slash', () => {
  assert.deepEqual(parseS3Uri('s3://pictures/a/b//c.jpg'), { bucket: 'pictures', key: 'a/b//c.jpg' });
  assert.deepEqual(parseS3Uri('s3://pictures'), { bucket: 'pictures', key: '' });
  assert.equal(parseS3Uri('s3:/pictures/x') ?? parseS3Uri('pictures/x') ?? parseS3Uri('s3://a/x'), undefined);
});
