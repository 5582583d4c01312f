import assert from 'node:assert/strict';
import test from 'node:test';
import { findInGuides } from './guide.ts';

const entries = [
  {
    name: 'data-sets',
    title: 'Data sets',
    sections: [
      { id: '', title: '', text: 'Images in S3 and one train.jsonl.' },
      { id: 'masks', title: 'Masks', text: 'White is the subject.' },
    ],
  },
  {
    name: 'operations',
    title: 'Operations',
    sections: [{ id: 'tls', title: 'TLS', text: 'A certificate of your own.' }],
  },
];

function found(typed: string): string[] {
  return findInGuides(entries, typed).flatMap(({ name, sections }) => sections.map(({ id }) => `${name}#${id}`));
}

test('All guides are found by no words, and sections by all of theirs in any order and case', () => {
  assert.deepEqual(found('  '), ['data-sets#', 'data-sets#masks', 'operations#tls']);
  assert.deepEqual(found('subject WHITE'), ['data-sets#masks']);
  assert.deepEqual(found('own tls'), ['operations#tls']);
  assert.deepEqual(found('white certificate'), []);
});

test('The name of a guide is a word of each of its sections', () => {
  assert.deepEqual(found('data masks'), ['data-sets#masks']);
});
