import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readXml } from './xml-document.ts';

test('the largest document that S3 takes is read, and one of more elements is refused before it takes a second', () => {
  const part = '<Part><ETag>a</ETag><PartNumber>1</PartNumber>'.concat('<Checksum>b</Checksum>'.repeat(9), '</Part>');
  const { Part } = readXml(`<Parts>${part.repeat(10_000)}</Parts>`, 10).root;
  assert.equal(Array.isArray(Part) && Part.length, 10_000);
  assert.throws(() => readXml(`<a>${'<b/>'.repeat(200_000)}</a>`, 10), /it has more than 200000 elements/);
});
