import assert from 'node:assert/strict';
import { test } from 'node:test';
import { batchManifest, outputLine, parseRecord } from './records.ts';

test('a record keeps its own id, and one without gets the same id at each reading', () => {
  assert.deepEqual(parseRecord('{"recordId":"CALL0000001","modelInput":{"a":1}}', 7), {
    recordId: 'CALL0000001',
    modelInput: { a: 1 },
  });
  assert.equal(parseRecord('{"modelInput":{}}', 7).recordId, 'R0000000007');
});

test('a line that is no record says what is wrong without quoting it', () => {
  const cases: [string, RegExp][] = [
    ['a red fox', /not JSON/],
    ['["fox"]', /not a JSON object/],
    ['{"recordId":"x"}', /modelInput must be a JSON object/],
    ['{"recordId":"x","modelInput":"fox"}', /modelInput must be a JSON object/],
    ['{"recordId":5,"modelInput":{}}', /recordId must be/],
    ['{"recordId":"","modelInput":{}}', /recordId must be/],
  ];
  for (const [line, problem] of cases) {
    const record = parseRecord(line, 1);
    assert.match(record.problem ?? '', problem);
    assert.doesNotMatch(record.problem ?? '', /fox/);
  }
});

test('a line of output has the record and its result, and nothing else', () => {
  const record = parseRecord('{"recordId":"x","modelInput":{"a":1},"more":2}', 1);
  assert.equal(
    outputLine(record, { modelOutput: { images: [] } }),
    '{"recordId":"x","modelInput":{"a":1},"modelOutput":{"images":[]}}\n',
  );
  const bad = parseRecord('nothing', 2);
  const error = { errorCode: 400, errorMessage: bad.problem ?? '' };
  assert.equal(
    outputLine(bad, { error }),
    '{"recordId":"R0000000002","error":{"errorCode":400,"errorMessage":"The line is not JSON."}}\n',
  );
});

test('the manifest has the counts and AWS’s counts of tokens', () => {
  const counts = { totalRecordCount: 3, processedRecordCount: 3, successRecordCount: 2, errorRecordCount: 1 };
  assert.deepEqual(JSON.parse(batchManifest(counts)), { ...counts, inputTokenCount: 0, outputTokenCount: 0 });
});
