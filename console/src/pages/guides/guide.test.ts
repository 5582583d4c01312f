import assert from 'node:assert/strict';
import test from 'node:test';
import { readable, sectionAt } from './guide.ts';

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

test('What stands behind the # of an address is read as it was written, and as it stands where it was cut', () => {
  assert.equal(readable('#f%C3%BCr'), 'für');
  assert.equal(readable('#%E0%A4'), '%E0%A4');
});
