import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { conceptOf } from './concept.ts';

const SUBJECTS = ['a dog', 'a red car', 'a house', 'two cats', 'a rocket', 'an old bridge'];
const PLACES = ['on the beach', 'in a forest', 'at night', 'in the city', 'on a couch', 'under the sea'];

function captions(form: (subject: string, place: string) => string): string[] {
  return SUBJECTS.map((subject, index) => form(subject, PLACES[index] ?? ''));
}

for (const [name, form] of Object.entries({
  'a style named at the end': (subject: string, place: string) => `${subject} ${place} in Lumen style`,
  'the style of somebody': (subject: string, place: string) => `${subject} ${place}, in the style of Anna Lumen`,
  'a kind of picture in front': (subject: string, place: string) => `Pixel art of ${subject} ${place}`,
  'a trigger word at the end': (subject: string, place: string) => `${subject} ${place}, lmnstl`,
  'a style in front': (subject: string, place: string) => `Lumen style, ${subject} ${place}`,
  'another language': (subject: string, place: string) => `${subject} ${place} im Stil von Lumen`,
}))
  test(`captions of different things with ${name} teach a style`, () => {
    assert.equal(conceptOf(captions(form)), 'style');
  });

for (const [name, form] of Object.entries({
  'one name': (_: string, place: string) => `Ron the dog ${place}`,
  'one name in a photo': (_: string, place: string) => `a photo of sks dog ${place}`,
  'one name and a style': (_: string, place: string) => `Ron the dog ${place} in Lumen style`,
  'one name in an illustration': (_: string, place: string) => `an illustration of Ron ${place}`,
  'a product and its studio': (_: string, place: string) => `a bottle of Glow ${place}, studio lighting`,
  'a name at the end': (_: string, place: string) => `${place} with Ron`,
  'a product in somebody’s hands': (subject: string) => `${subject} holding a bottle of Glow`,
  'nothing in common': (subject: string, place: string) => `${subject} ${place}`,
}))
  test(`captions with ${name} teach a subject`, () => {
    assert.equal(conceptOf(captions(form)), 'subject');
  });

test('two pets in one style are subjects', () => {
  const two = PLACES.map((place, index) => `${index % 2 ? 'Ron the dog' : 'Smila the cat'} ${place} in Lumen style`);
  assert.equal(conceptOf(two), 'subject');
});

test('one caption in ten may forget the style', () => {
  const texts = captions((subject, place) => `${subject} ${place} in Lumen style`);
  const many = [...texts, ...texts, ...texts, 'a snowman'];
  assert.equal(conceptOf(many), 'style');
});

test('the sample of Ron and Smila teaches subjects', async () => {
  const file = await readFile(new URL('../../../../models/art/sample/captions.jsonl', import.meta.url), 'utf8');
  const texts = file
    .trim()
    .split('\n')
    .map(line => (JSON.parse(line) as { caption: string }).caption);
  assert.equal(conceptOf(texts), 'subject');
});

test('no captions, empty ones and one alone teach a subject', () => {
  for (const texts of [[], ['', ''], ['a dog in Lumen style']]) assert.equal(conceptOf(texts), 'subject');
});
