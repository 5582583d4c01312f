import assert from 'node:assert/strict';
import test from 'node:test';
import { readManifest } from '../../aws/manifest-text.ts';
import {
  captionProblems,
  manifestText,
  type PictureFacts,
  pictureProblems,
  replaced,
  twinProblems,
  withTrigger,
} from './records.ts';

const good: PictureFacts = {
  width: 1024,
  height: 768,
  sizeBytes: 200_000,
  format: 'JPEG',
  sha256: 'a',
  hash: [0, 0],
  sharpness: 400,
};

test('Each rule of a picture is found on the far side of its bound alone', () => {
  assert.deepEqual(pictureProblems(good), []);
  assert.deepEqual(pictureProblems({ ...good, width: 512, height: 512 }), []);
  const cases: [Partial<PictureFacts>, RegExp][] = [
    [{ width: 511 }, /sides from 512/],
    [{ width: 4097, height: 2000 }, /sides up to 4096/],
    [{ width: 4096, height: 4096 }, /too many pixels/],
    [{ width: 2049, height: 512 }, /narrower than 1:4/],
    [{ format: 'GIF' }, /JPEG or PNG/],
    [{ sizeBytes: 52_428_801 }, /50 MB/],
    [{ sharpness: 3 }, /blurred/],
  ];
  for (const [change, text] of cases) {
    const problems = pictureProblems({ ...good, ...change });
    assert.match(problems.map(problem => problem.text).join('; '), text);
  }
});

test('A caption must be there, be 3 to 1,024 long, and hold a trigger where there are some', () => {
  assert.match(captionProblems('', [])[0]?.text ?? '', /No caption/);
  assert.match(captionProblems('ab', [])[0]?.text ?? '', /shorter/);
  assert.match(captionProblems('a'.repeat(1025), [])[0]?.text ?? '', /longer/);
  assert.deepEqual(captionProblems('a dog', []), []);
  assert.equal(captionProblems('a dog', ['Ron the dog'])[0]?.severity, 'warning');
  assert.deepEqual(captionProblems('Smila the cat', ['Ron the dog', 'Smila the cat']), []);
});

test('Twins are found by their bytes, and by looks that differ in three bits of 64; the first of them is kept', () => {
  const picture = (id: string, sha256: string, hash: [number, number]) => ({ id, facts: { ...good, sha256, hash } });
  const found = twinProblems([
    picture('one', 'a', [0x12345678, 0x0f0f0f0f]),
    picture('same', 'a', [0x12345678, 0x0f0f0f0f]),
    picture('near', 'b', [0x12345679, 0x0f0f0f0c]),
    picture('far', 'c', [0x12345670, 0xf0f0f0f0 | 0]),
    { id: 'unknown', facts: undefined },
  ]);
  assert.deepEqual([...found.keys()], ['same', 'near']);
  assert.match(found.get('near')?.text ?? '', /Nearly/);
});

test('Bulk edits change only the captions that they are about', () => {
  const captions = new Map([
    ['1', 'dog on the grass'],
    ['2', 'Ron the dog on the sofa'],
  ]);
  assert.deepEqual(
    [...replaced(captions, 'dog on', 'puppy on')],
    [
      ['1', 'puppy on the grass'],
      ['2', 'Ron the puppy on the sofa'],
    ],
  );
  assert.equal(replaced(captions, '', 'x').size, 0);
  assert.deepEqual([...withTrigger(captions, ['Ron the dog'])], [['1', 'Ron the dog dog on the grass']]);
});

test('What is written is read again', () => {
  const records = [
    { imageRef: 's3://b/1.jpg', caption: 'it is "Ron"\nhere' },
    { imageRef: 's3://b/2.png', caption: 'é' },
  ];
  assert.deepEqual(readManifest(manifestText(records)), records);
  assert.deepEqual(readManifest('no json\n{"caption": 3}\n'), []);
});
