import assert from 'node:assert/strict';
import test from 'node:test';

// The router reads the address as soon as it is loaded.
Object.assign(globalThis, {
  window: { location: { pathname: '/_console/', search: '' }, addEventListener: () => undefined },
  document: { addEventListener: () => undefined },
});
const { readState, writeState } = await import('./table-state.ts');

const initial = { filter: '', page: 1, pageSize: 50, descending: true, choice: '' };

test('A list as it begins adds nothing to its address, and leaves the rest of it', () => {
  assert.equal(writeState(new URLSearchParams('tab=jobs&page=4&find=x'), initial).toString(), 'tab=jobs');
  assert.deepEqual(readState(new URLSearchParams('tab=jobs')), initial);
});

test('What is written into an address is read again', () => {
  const state = { filter: 'ron & co', page: 3, pageSize: 10, descending: false, choice: 'Failed' };
  assert.deepEqual(readState(writeState(new URLSearchParams('tab=jobs'), state)), state);
});

test('An address that makes no sense shows the list as it begins', () => {
  assert.deepEqual(readState(new URLSearchParams('page=-1&size=7&order=sideways')), initial);
  assert.deepEqual(readState(new URLSearchParams('page=1.5&size=many')), initial);
});
