import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { lossCurve, runningMean } from './loss-curve.ts';
import { demoPage } from './page.ts';
import { type DemoResult, plan } from './plan.ts';
import { duration, progressLine } from './progress.ts';

const result: DemoResult = {
  comparisons: plan.prompts.map(prompt => ({ prompt, before: Buffer.from('b'), after: Buffer.from('a') })),
  samples: [Buffer.from('jpeg')],
  imageCount: 60,
  losses: Array.from({ length: 50 }, (_, step) => ({ step, loss: 1 / (step + 1) })),
  timings: [{ what: 'training, 50 steps', seconds: 61 }],
  steps: 50,
  bucket: 'likeness-demo-123456789012-us-east-1',
  accountId: '123456789012',
  region: 'us-east-1',
  provisionedModelArn: 'arn:aws:bedrock:us-east-1:123456789012:provisioned-model/a',
  customModelArn: 'arn:aws:bedrock:us-east-1:123456789012:custom-model/b',
  upCommand: 'likeness up',
  envCommand: 'eval "$(likeness env)"',
};

describe("the demo's page", () => {
  const page = demoPage(result);

  it('holds every prompt with both pictures, and needs nothing from elsewhere', () => {
    for (const prompt of plan.prompts) assert.ok(page.includes(`<figcaption>${prompt}</figcaption>`), prompt);
    assert.equal(page.match(/src="data:image\/png;base64,/g)?.length, 2 * plan.prompts.length);
    assert.doesNotMatch(page, /(?:src|href)="(?!data:)/);
    assert.doesNotMatch(page, /@import|url\(/);
  });

  it('says the same by hand, with what a shell needs escaped for HTML', () => {
    assert.match(page, /eval &quot;\$\(likeness env\)&quot;/);
    assert.match(page, /aws bedrock create-model-customization-job/);
  });

  it('draws the loss of each step', () => {
    assert.equal(lossCurve(result.losses).match(/<circle/g)?.length, 50);
    assert.equal(lossCurve([]), '');
  });
});

describe('progress', () => {
  it('is a bar with figures', () => {
    assert.equal(
      progressLine('Training', 6, 12, 'loss 0.1'),
      `Training ${'█'.repeat(12)}${'░'.repeat(12)} 6/12  loss 0.1`,
    );
  });
  it('tells time as a person does', () => {
    assert.deepEqual([duration(3.21), duration(42.4), duration(185)], ['3.2 s', '42 s', '3 min 05 s']);
  });
  it('averages over what there is', () => {
    assert.deepEqual(runningMean([2, 4, 6, 8], 2), [2, 3, 5, 7]);
  });
});
