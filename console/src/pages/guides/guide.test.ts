import assert from 'node:assert/strict';
import test from 'node:test';
import { findInGuides, sectionAt } from './guide.ts';

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

test('An address names a section as it stands or as a browser writes it, and one cut within a letter names none', () => {
  const sections = [
    { id: 'masks', title: 'Masks' },
    { id: 'für-später', title: 'Für später' },
  ];
  assert.equal(sectionAt(sections, '#masks')?.title, 'Masks');
  assert.equal(sectionAt(sections, '#f%C3%BCr-sp%C3%A4ter')?.title, 'Für später');
  assert.equal(sectionAt(sections, '#%E0%A4'), undefined);
  assert.equal(sectionAt(sections, ''), undefined);
});
