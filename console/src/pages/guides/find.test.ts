import assert from 'node:assert/strict';
import test from 'node:test';
import { findInGuides } from './find.ts';

const entries = [
  {
    ...{ name: 'operations', title: 'Operations', group: 'Running', about: '' },
    sections: [
      { id: 'start', title: 'Start, stop', text: "It's the fine-tuning of data sets that goes on. Masks are kept." },
      { id: 'tls', title: 'TLS', text: 'A certificate of your own, für später, under LIKENESS_TLS_PORT.' },
    ],
  },
  {
    ...{ name: 'data-sets', title: 'Data sets', group: 'Begin', about: '' },
    sections: [
      { id: '', title: '', text: 'Images in S3 and one train.jsonl.' },
      { id: 'captions', title: 'Captions', text: 'A mask may be found by a `maskPrompt`.' },
      { id: 'masks', title: 'Masks', text: 'White is the subject: art.' },
    ],
  },
];

function found(typed: string): string[] {
  return findInGuides(entries, typed).flatMap(({ name, sections }) => sections.map(({ id }) => `${name}#${id}`));
}

test('All guides are found by no words, and sections by all of theirs in any order and case', () => {
  const all = ['operations#start', 'operations#tls', 'data-sets#', 'data-sets#captions', 'data-sets#masks'];
  assert.deepEqual(found('  '), all);
  assert.deepEqual(found('subject WHITE'), ['data-sets#masks']);
  assert.deepEqual(found('own tls'), ['operations#tls']);
  assert.deepEqual(found('white certificate'), []);
});

test('The name of a guide is a word of each of its sections', () => {
  assert.deepEqual(found('data white'), ['data-sets#masks']);
});

test('A word is found by its beginning, and not within another', () => {
  assert.deepEqual(found('art'), ['data-sets#masks']);
  assert.deepEqual(found('certif'), ['operations#tls']);
  assert.deepEqual(found('ertificate'), []);
});

test('Hyphens, quotes and accents find nothing more and nothing less', () => {
  for (const typed of [
    'fine-tuning',
    'fine tuning',
    'Fine\u2011Tuning',
    'finetuning',
    '“fine-tuning”',
    'it’s fine',
    "it's",
  ])
    assert.deepEqual(found(typed), ['operations#start'], typed);
  for (const typed of ['später', 'spater', 'SPÄTER', 'fur', 'likeness_tls_port', 'tls port'])
    assert.deepEqual(found(typed), ['operations#tls'], typed);
});

test('A name of code is found whole and by its parts', () => {
  assert.deepEqual(found('maskPrompt'), ['data-sets#captions']);
  assert.deepEqual(found('prompt'), ['data-sets#captions']);
});

test('What has the words in its title comes before what has them in a heading, and that before what speaks of them', () => {
  assert.deepEqual(found('data sets'), ['data-sets#', 'data-sets#captions', 'data-sets#masks', 'operations#start']);
  assert.deepEqual(found('mask'), ['data-sets#masks', 'data-sets#captions', 'operations#start']);
});
