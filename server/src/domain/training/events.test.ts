import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import test from 'node:test';
import { metricsCsv, parseEvents, warningsOf } from './events.ts';

const examples = new URL('../../../../contract/examples/', import.meta.url);
const step = (number: number, loss: number) =>
  ({ type: 'step', step: number, epoch: 0, loss, imagesPerSecond: 1, secondsLeft: 1 }) as const;

test('Every golden event of the contract is read', () => {
  for (const name of readdirSync(examples).filter(file => file.startsWith('event-'))) {
    const { events, unreadable } = parseEvents(readFileSync(new URL(name, examples), 'utf8'));
    assert.deepEqual([events.length, unreadable], [1, 0], name);
  }
});

test('A line that is no event is counted and left out', () => {
  const text = '{"type":"checkpoint","step":5}\n{"type":"step","step":"1"}\nnull\n{\n{"type":"party"}\n';
  assert.deepEqual(parseEvents(text), { events: [{ type: 'checkpoint', step: 5 }], unreadable: 4 });
});

test('The metrics file has one row a step; a later attempt replaces what it took again', () => {
  const csv = metricsCsv([
    [step(0, 0.5), step(1, 0.4), step(2, 9)],
    [step(2, 0), step(3, 0.25)],
  ]);
  assert.deepEqual(csv.split('\n'), [
    'step_number,epoch_number,training_loss,perplexity',
    `0,0,0.5,${Math.exp(0.5)}`,
    `1,0,0.4,${Math.exp(0.4)}`,
    '2,0,0,1',
    `3,0,0.25,${Math.exp(0.25)}`,
    '',
  ]);
});

test('Warnings are told once each, as they were said last', () => {
  const warning = (message: string) => ({ type: 'warning', message }) as const;
  const attempts = [
    [warning('12 of 12 are photographs.'), warning('Steps take 2.5 times as long.'), step(0, 1)],
    [warning('Steps take 3 times as long.')],
  ];
  assert.deepEqual(warningsOf(attempts), ['12 of 12 are photographs.', 'Steps take 3 times as long.']);
});
