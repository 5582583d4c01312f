import assert from 'node:assert/strict';
import test from 'node:test';
import { readManifest } from '../../aws/manifest-text.ts';
import {
  balanceOf,
  captionProblems,
  fitted,
  isUneven,
  manifestText,
  type PictureFacts,
  pictureProblems,
  replaced,
  shortened,
  subjectOf,
  twinProblems,
  withTrigger,
} from './records.ts';

const good: PictureFacts = {
  width: 1024,
  height: 768,
  sizeBytes: 200_000,
  format: 'JPEG',
  sha256: 'a',
  look: new Float32Array(216),
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
  assert.match(captionProblems('🐶🐶', [])[0]?.text ?? '', /shorter/, 'counted in characters, as a job does');
  assert.deepEqual(captionProblems('🐶'.repeat(1024), []), []);
  assert.deepEqual(captionProblems('a dog', []), []);
  assert.equal(captionProblems('a dog', ['Ron the dog'])[0]?.severity, 'warning');
  assert.deepEqual(captionProblems('Smila the cat', ['Ron the dog', 'Smila the cat']), []);
});

test('Twins are found by their bytes and by their looks; the first of them is kept', () => {
  const picture = (id: string, sha256: string, level: number) => ({
    id,
    facts: { ...good, sha256, look: new Float32Array(216).fill(level) },
  });
  const found = twinProblems([
    picture('one', 'a', 100),
    picture('same', 'a', 100),
    picture('near', 'b', 102),
    picture('far', 'c', 200),
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
});

test('A trigger is put before a caption once, and takes the place of its class word', () => {
  const cases = {
    'sitting on the grass': 'Ron the dog sitting on the grass',
    'dog on the grass': 'Ron the dog on the grass',
    'A Dog on the grass': 'Ron the dog on the grass',
    'the dog, on the grass': 'Ron the dog, on the grass',
    dog: 'Ron the dog',
    '': 'Ron the dog',
    'dogs on the grass': 'Ron the dog dogs on the grass',
    'a brown dog on the grass': 'Ron the dog a brown dog on the grass',
    'the-dog.jpg': 'Ron the dog the-dog.jpg',
  };
  for (const [caption, expected] of Object.entries(cases))
    assert.equal(withTrigger(new Map([['1', caption]]), ['Ron the dog']).get('1'), expected);
  assert.equal(withTrigger(new Map([['1', 'Smila the cat']]), ['Ron the dog', 'Smila the cat']).size, 0);
});

test('A caption says what to look for by the class of its trigger word, where it has one alone', () => {
  const triggers = ['Ron the dog', 'Smila the cat'];
  assert.equal(subjectOf('a photo of Ron the dog', triggers), 'the dog');
  assert.equal(subjectOf('Smila the cat asleep', triggers), 'the cat');
  assert.equal(subjectOf('Ron the dog and Smila the cat', triggers), undefined);
  assert.equal(subjectOf('a tree', triggers), undefined);
  assert.equal(subjectOf('Ron the dog', []), undefined);
});

test('What is written is read again', () => {
  const records = [
    { imageRef: 's3://b/1.jpg', caption: 'it is "Ron"\nhere' },
    { imageRef: 's3://b/2.png', caption: 'é', maskRef: 's3://b/masks/2.png' },
  ];
  assert.deepEqual(readManifest(manifestText(records)), records);
  assert.deepEqual(readManifest('no json\n{"caption": 3}\n'), []);
});

test('A picture that is mended is one that a job takes, whatever it was', () => {
  const sides = [1, 100, 511, 512, 513, 2049, 3547, 4096, 4097, 12_000];
  for (const width of sides)
    for (const height of sides) {
      const { crop, size } = fitted({ width, height });
      assert.deepEqual(
        pictureProblems({ ...good, ...size }),
        [],
        `${width} x ${height} became ${size.width} x ${size.height}`,
      );
      assert.ok(crop.x >= 0 && crop.y >= 0 && crop.x + crop.width <= width && crop.y + crop.height <= height);
    }
  assert.deepEqual(fitted({ width: 1000, height: 700 }).size, { width: 1000, height: 700 });
});

test('A caption that is too long is cut after a word', () => {
  const words = 'word '.repeat(300);
  const changed = shortened(
    new Map([
      ['long', words],
      ['one word', 'x'.repeat(2000)],
      ['fits', 'a dog'],
    ]),
  );
  assert.deepEqual([...changed.keys()], ['long', 'one word']);
  assert.match(changed.get('long') ?? '', /word$/);
  assert.equal(changed.get('long')?.length, 1024);
  assert.equal(changed.get('one word')?.length, 1024);
});

test('Subjects are uneven where one has more than twice the pictures of another', () => {
  const captions = ['Ron the dog', 'Ron the dog and Smila the cat', 'Ron the dog', 'a tree'];
  const counts = balanceOf(captions, ['Ron the dog', 'Smila the cat']);
  assert.deepEqual(
    [...counts],
    [
      ['Ron the dog', 3],
      ['Smila the cat', 1],
    ],
  );
  assert.ok(isUneven(counts));
  assert.ok(
    !isUneven(
      new Map([
        ['a', 4],
        ['b', 2],
      ]),
    ),
  );
  assert.ok(!isUneven(new Map([['a', 4]])));
});
