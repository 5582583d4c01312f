import assert from 'node:assert/strict';
import test from 'node:test';
import { withoutRecords } from './failure-message.ts';

const UNPARSABLE = 'Unable to parse Amazon S3 file: train.jsonl. Data files must conform to JSONL format.';

test('Records that a table lists are left out of the message; what is said beside them stays', () => {
  const cases = {
    '2 of 9 records are not usable in train.jsonl: line 1 (s3://b/1.png): it does not exist; line 3: is blank.':
      '2 of 9 records are not usable in train.jsonl.',
    [`${UNPARSABLE} 1 of 2 records is not usable in train.jsonl: line 2: is not a JSON object. The number of records must be 5 to 10,000; the file has 2.`]: `${UNPARSABLE} 1 of 2 records is not usable in train.jsonl. The number of records must be 5 to 10,000; the file has 2.`,
    '31 of 40 records are not usable in train.jsonl: line 1: is blank; and 30 more. All of them: s3://b/output/data_errors.jsonl':
      '31 of 40 records are not usable in train.jsonl. All of them: s3://b/output/data_errors.jsonl',
    '1 of 8 images cannot be used: line 4 (s3://b/4.png) does not decode.': '1 of 8 images cannot be used.',
  };
  for (const [message, expected] of Object.entries(cases)) assert.equal(withoutRecords(message), expected);
});

test('A message of something else is left as it is', () => {
  const message = 'Could not validate GetObject permissions to access Amazon S3 bucket: b at key data/line 1.jsonl';
  assert.equal(withoutRecords(message), message);
});
