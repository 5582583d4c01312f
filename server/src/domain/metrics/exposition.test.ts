import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { counter, histogram, samplesText } from './exposition.ts';

describe('metrics as text', () => {
  it('count by labels, and escape what a label may hold', () => {
    const requests = counter('requests_total', 'Requests.');
    requests.add({ model: 'a"b\\c\nd' });
    requests.add({ model: 'a"b\\c\nd' }, 2);
    requests.add({});
    assert.equal(
      requests.text(),
      '# HELP requests_total Requests.\n# TYPE requests_total counter\nrequests_total{model="a\\"b\\\\c\\nd"} 3\nrequests_total 1\n',
    );
  });

  it('sum up what lies in each bucket and below', () => {
    const latency = histogram('latency', 'Time.', [1, 10]);
    for (const value of [0.5, 1, 5, 50]) latency.observe({ of: 'x' }, value);
    assert.deepEqual(latency.text().split('\n').slice(2), [
      'latency_bucket{of="x",le="1"} 2',
      'latency_bucket{of="x",le="10"} 3',
      'latency_bucket{of="x",le="+Inf"} 4',
      'latency_sum{of="x"} 56.5',
      'latency_count{of="x"} 4',
      '',
    ]);
  });

  it('do not grow without bound', () => {
    const many = counter('many_total', 'Many.');
    for (let index = 0; index < 5000; index++) many.add({ index: String(index) });
    many.add({ index: '0' });
    const lines = many.text().split('\n');
    assert.equal(lines.length, 2003);
    assert.equal(lines[2], 'many_total{index="0"} 2');
  });

  it('show what is read now', () => {
    const text = samplesText('free_bytes', 'Free.', [{ labels: {}, value: 7 }]);
    assert.equal(text, '# HELP free_bytes Free.\n# TYPE free_bytes gauge\nfree_bytes 7\n');
  });
});
