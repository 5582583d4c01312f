import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keepQuota, QUOTAS, quotaNames, quotasFrom } from './quotas.ts';

const defaults = quotasFrom(quota => quota.default);

test("AWS's values are the defaults where a machine of one's own has a use for them", () => {
  assert.equal(defaults.scheduledJobs, 10);
  assert.equal(defaults.customModels, 100);
  assert.equal(defaults.deploymentsInProgress, null);
  for (const name of quotaNames) {
    const { awsValue, default: value } = QUOTAS[name];
    assert.ok(value === awsValue || value === null, name);
  }
});

test('each quota has a setting of its own', () => {
  assert.equal(new Set(quotaNames.map(name => QUOTAS[name].setting)).size, quotaNames.length);
});

test('a quota is kept up to its value, and its refusal names bound, use and setting', () => {
  keepQuota(defaults, 'scheduledJobs', 9);
  assert.throws(() => keepQuota(defaults, 'scheduledJobs', 10), {
    kind: 'quota',
    message: /^The quota is 10 .*there are 10\. .*\(LIKENESS_SCHEDULED_JOBS\)\.$/,
  });
  keepQuota(defaults, 'modelUnitsEach', 0, 1000);
  assert.throws(() => keepQuota({ ...defaults, modelUnitsEach: 2 }, 'modelUnitsEach', 0, 3), { kind: 'quota' });
});
