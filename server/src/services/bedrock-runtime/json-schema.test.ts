import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Schema, violations } from './json-schema.ts';

const schema: Schema = {
  type: 'object',
  required: ['text'],
  properties: {
    text: { type: 'string', minLength: 3, maxLength: 5 },
    kind: { type: 'string', enum: ['a', 'b'] },
    count: { type: 'integer', minimum: 1, maximum: 5 },
    scale: { type: 'number', minimum: 1.1, maximum: 10 },
    list: { type: 'array', minItems: 1, maxItems: 2, items: { type: 'string' } },
    flag: { type: 'boolean' },
    inner: { type: 'object', properties: {} },
  },
};

test('each rule finds its violation in the words of the validator that AWS uses', () => {
  const cases: [unknown, string[]][] = [
    [{ text: 'four' }, []],
    [[], ['#: expected type: JSONObject, found: JSONArray']],
    [{}, ['#: required key [text] not found']],
    [{ text: 'four', extra: 1 }, ['#: extraneous key [extra] is not permitted']],
    [{ text: 4 }, ['#/text: expected type: String, found: Integer']],
    [{ text: null }, ['#/text: expected type: String, found: Null']],
    [{ text: 'ab' }, ['#/text: expected minLength: 3, actual: 2']],
    [{ text: 'abcdef' }, ['#/text: expected maxLength: 5, actual: 6']],
    [{ text: '🐶🐱🐶🐱🐶' }, []],
    [{ text: 'a \ud800' }, ['#/text: string must be well-formed Unicode; it has half of a surrogate pair']],
    [{ text: 'four', kind: 'c' }, ['#/kind: c is not a valid enum value']],
    [{ text: 'four', count: 6 }, ['#/count: 6 is not less or equal to 5']],
    [{ text: 'four', count: 0 }, ['#/count: 0 is not greater or equal to 1']],
    [{ text: 'four', count: 1.5 }, ['#/count: expected type: Integer, found: BigDecimal']],
    [{ text: 'four', scale: '8' }, ['#/scale: expected type: Number, found: String']],
    [{ text: 'four', scale: 1 }, ['#/scale: 1 is not greater or equal to 1.1']],
    [{ text: 'four', list: 'x' }, ['#/list: expected type: JSONArray, found: String']],
    [{ text: 'four', list: [] }, ['#/list: expected minimum item count: 1, found: 0']],
    [{ text: 'four', list: ['a', 'b', 'c'] }, ['#/list: expected maximum item count: 2, found: 3']],
    [{ text: 'four', list: ['a', 2] }, ['#/list/1: expected type: String, found: Integer']],
    [{ text: 'four', flag: 'true' }, ['#/flag: expected type: Boolean, found: String']],
    [{ text: 'four', inner: { deep: 1 } }, ['#/inner: extraneous key [deep] is not permitted']],
    [{ text: 'four', inner: 4_000_000_000 }, ['#/inner: expected type: JSONObject, found: Long']],
  ];
  for (const [value, expected] of cases) assert.deepEqual(violations(schema, value), expected);
});

test('several violations come in the order missing, extraneous, members', () => {
  assert.deepEqual(violations(schema, JSON.parse('{"__proto__": 1, "count": 9, "list": [1]}')), [
    '#: required key [text] not found',
    '#: extraneous key [__proto__] is not permitted',
    '#/count: 9 is not less or equal to 5',
    '#/list/0: expected type: String, found: Integer',
  ]);
});
