import assert from 'node:assert/strict';
import test from 'node:test';
import {
  CreateModelCustomizationJobCommand,
  GetModelCustomizationJobCommand,
  ListTagsForResourceCommand,
} from '@aws-sdk/client-bedrock';
import { GetRoleCommand, PutRolePolicyCommand } from '@aws-sdk/client-iam';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { createJob, newProduct } from '../crash/product.ts';
import { openBrowser, photograph, reload, storyTeller, violations, visit, whySkipped } from './console.ts';

const WAIT_MILLISECONDS = 240_000;
const HYPERPARAMETERS = { validationInterval: '5', samplePrompts: '["Ron the dog on a beach"]' };

test('A person stops a job, promotes a checkpoint of another, and exports, tags and deploys its model', {
  skip: whySkipped ?? false,
}, async context => {
  const product = newProduct(context);
  await product.up();
  const jobArn = await createJob(product, 4000, { ...HYPERPARAMETERS, validationInterval: '4000' });
  const browser = await openBrowser(context);
  const { page, open, complaints } = await visit(browser, product);
  const step = storyTeller(page);
  const button = (name: string) => page.getByRole('button', { name, exact: true });
  const dialog = page.getByRole('dialog');
  const bedrock = product.bedrock();

  await step('a job that trains shows what it drew, and is stopped only after a warning', async () => {
    await open('/custom-models/jobs/crash-job');
    await page.getByAltText('Ron the dog on a beach, seed 42, after 0 steps').waitFor({ timeout: WAIT_MILLISECONDS });
    await page.getByText(/^Step [\d,]+ of 4,000/).waitFor({ timeout: WAIT_MILLISECONDS });
    assert.equal(await page.title(), 'crash-job – Likeness');
    await button('Stop job').click();
    await dialog.getByText(/A stopped job cannot be resumed, and makes no model/).waitFor();
    assert.deepEqual(await violations(page, 'stop'), []);
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    const job = await bedrock.send(new GetModelCustomizationJobCommand({ jobIdentifier: jobArn }));
    assert.equal(job.status, 'InProgress', 'a warning alone stops nothing');
    await button('Stop job').click();
    await dialog.getByRole('button', { name: 'Stop job' }).click();
    await page.getByText('Stopped', { exact: true }).first().waitFor({ timeout: WAIT_MILLISECONDS });
    await page.getByAltText('Ron the dog on a beach, seed 42, after 0 steps').waitFor();
    assert.equal(await button('Stop job').isDisabled(), true);
    await photograph(page, 'job-stopped');
  });

  await step('the grid of another job grows along its steps', async () => {
    const { roleArn, trainingDataConfig, outputDataConfig } = await bedrock.send(
      new GetModelCustomizationJobCommand({ jobIdentifier: jobArn }),
    );
    await bedrock.send(
      new CreateModelCustomizationJobCommand({
        jobName: 'ron-job',
        customModelName: 'ron',
        roleArn,
        baseModelIdentifier: 'amazon.titan-image-generator-v1:0',
        hyperParameters: { ...HYPERPARAMETERS, stepCount: '10' },
        trainingDataConfig,
        outputDataConfig,
      }),
    );
    await open('/custom-models/jobs/ron-job');
    for (const steps of [0, 5, 10])
      await page
        .getByAltText(`Ron the dog on a beach, seed 42, after ${steps} steps`)
        .waitFor({ timeout: WAIT_MILLISECONDS });
    await button('Promote the checkpoint of step 5').waitFor({ timeout: WAIT_MILLISECONDS });
    await page.getByText('Evaluated after 10 steps').waitFor();
    const evaluations = page.getByRole('table', { name: 'Evaluations' });
    await evaluations.getByText(/^\d+ \(best\)$/).waitFor({ timeout: WAIT_MILLISECONDS });
    assert.equal(await evaluations.getByText(/best/).count(), 1, 'one alone is the best');
    await page.getByText('“Ron the dog on a beach”', { exact: true }).waitFor();
    await page.getByText('By its captions, the set was trained as a subject.').waitFor();
    for (const label of ['Number of steps', 'Sample prompts', 'Validation interval'])
      await page.getByText(label, { exact: true }).first().waitFor();
    await page.getByRole('link', { name: outputDataConfig?.s3Uri ?? '', exact: true }).waitFor();
    // What a person came for comes first.
    const sections = page.getByRole('main').getByRole('heading', { level: 2 });
    const shown = ['Progress', 'Samples', 'Training loss', 'Evaluation', 'Job details', 'Events'];
    assert.deepEqual(await sections.allTextContents(), shown);
    assert.deepEqual(await violations(page, 'job'), []);
    await photograph(page, 'job-completed');
  });

  await step('an earlier checkpoint becomes a model of its own; a name that is taken is refused in place', async () => {
    await button('Promote the checkpoint of step 5').click();
    const name = dialog.getByLabel('Custom model name');
    assert.equal(await name.inputValue(), 'ron-step-5');
    await name.fill('ron');
    await dialog.getByRole('button', { name: 'Promote' }).click();
    await dialog.getByText('The provided custom model name is currently in use.').waitFor();
    await name.fill('ron-earlier');
    await dialog.getByRole('button', { name: 'Promote' }).click();
    await page.getByRole('heading', { name: 'ron-earlier', level: 1 }).waitFor();
    const news = page.getByText('The checkpoint of step 5 is now the custom model ron-earlier.');
    await news.waitFor();
    await page.getByText('Its scores stand beside those of the other steps at the job ron-job.').waitFor();
    await page.getByRole('link', { name: 'Data sets' }).click();
    await page.getByRole('heading', { name: 'Data sets', level: 1 }).waitFor();
    assert.equal(await news.count(), 0, 'it is news of the page that it was said on');
  });

  await step('the model shows what it came from, and pictures before and after', async () => {
    await open('/custom-models/models/ron');
    await page.getByRole('link', { name: 'ron-job', exact: true }).last().waitFor();
    assert.equal(await page.title(), 'ron – Likeness');
    await page.getByText(/Scores along the steps, and other checkpoints: ron-job\.$/).waitFor();
    await page.getByText('likeness.art-v1', { exact: true }).waitFor();
    await page.getByAltText('Ron the dog on a beach, seed 42, after 0 steps').waitFor();
    await page.getByAltText('Ron the dog on a beach, seed 42, after 10 steps').waitFor();
    await page.locator('.before-after').getByText('Seed 42', { exact: true }).waitFor();
    const sections = page.getByRole('main').getByRole('heading', { level: 2 });
    assert.equal(await sections.first().textContent(), 'Before and after');
    assert.deepEqual(await violations(page, 'model'), []);
    await photograph(page, 'model');
  });

  await step('its LoRA is exported in both layouts', async () => {
    for (const format of ['diffusers', 'kohya']) {
      await button('Export').click();
      const [download] = await Promise.all([
        page.waitForEvent('download'),
        page.getByRole('menuitem', { name: new RegExp(`^${format}`) }).click(),
      ]);
      assert.equal(download.suggestedFilename(), `ron-${format}.safetensors`);
    }
  });

  await step('its tags are changed', async () => {
    await button('Manage tags').click();
    await dialog.getByRole('button', { name: 'Add new tag' }).click();
    await dialog.getByRole('textbox', { name: 'Key' }).fill('team');
    await dialog.getByRole('textbox', { name: 'Value' }).fill('pets');
    await dialog.getByRole('button', { name: 'Save changes' }).click();
    await page.getByText('pets', { exact: true }).waitFor();
    await button('Manage tags').click();
    await dialog.getByRole('textbox', { name: 'Value' }).fill('animals');
    await dialog.getByRole('button', { name: 'Save changes' }).click();
    await page.getByText('animals', { exact: true }).waitFor();
    const { outputModelArn } = await bedrock.send(new GetModelCustomizationJobCommand({ jobIdentifier: 'ron-job' }));
    const { tags } = await bedrock.send(new ListTagsForResourceCommand({ resourceARN: outputModelArn }));
    assert.deepEqual(tags, [{ key: 'team', value: 'animals' }]);
  });

  await step(
    'a job like the one before is prepared on top of the model, and a reload loses nothing of it',
    async () => {
      await page.getByRole('link', { name: 'Train further' }).click();
      await page.getByText('ron', { exact: true }).first().waitFor();
      await open('/custom-models/create?from=ron-job');
      await page.getByText('10, 80 images seen').waitFor();
      await page.getByLabel('Source model').click();
      await page.getByRole('option', { name: /^ron / }).click();
      await page.getByLabel('Job name').fill('ron-again');
      await page.getByLabel('Trigger word').fill('Ron the dog');
      await page.getByLabel('Seed').fill('-1');
      await page.getByText('This must be 0 or more.').waitFor();
      await page.getByLabel('Seed').fill('7');
      assert.equal(await page.getByLabel('Rank').isDisabled(), true, 'the first model has settled it');
      assert.equal(await page.getByLabel('Sample prompts').inputValue(), 'Ron the dog on a beach');
      await reload(page);
      assert.equal(await page.getByLabel('Job name').inputValue(), 'ron-again');
      assert.equal(await page.getByLabel('Trigger word').inputValue(), 'Ron the dog');
      await page.getByLabel('Fine-tuned model name').fill('ron');
      await button('Fine-tune model').click();
      await page.getByText('There is a custom model of this name already: choose another.').waitFor();
      assert.equal(await button('Fine-tune model').isDisabled(), true, 'until the name is another');
      assert.equal(await page.getByLabel('Seed').inputValue(), '7', 'a refusal loses nothing either');
      await page.getByRole('radio', { name: 'Create and use a new service role' }).check();
      await page.getByLabel('Service role name').fill('never-made');
      await page.getByLabel('Fine-tuned model name').fill('ron-again');
      await page.getByLabel('Job name').fill('ron-job');
      await button('Fine-tune model').click();
      await page.getByText('There is a job of this name already: choose another.').waitFor();
      await assert.rejects(
        product.iam().send(new GetRoleCommand({ RoleName: 'never-made' })),
        { name: 'NoSuchEntityException' },
        'a refused name leaves no role behind',
      );
      assert.deepEqual(await violations(page, 'create job'), []);
      await open('/custom-models/models/ron');
    },
  );

  await step('the playground draws with no other model in the place of one that nothing serves', async () => {
    await button('Set up inference').click();
    await page.getByRole('menuitem', { name: 'Open in Image playground' }).click();
    await page.getByText('ron cannot draw yet').waitFor();
    await page.getByRole('link', { name: 'Purchase Provisioned Throughput' }).last().waitFor();
    await page.getByLabel('Prompt', { exact: true }).fill('Ron the dog on the moon');
    await page.getByText('Still missing or to mend: a model').waitFor();
    assert.equal(await button('Run').isDisabled(), true);
    assert.deepEqual(await violations(page, 'a model that is not served'), []);
    await photograph(page, 'playground-not-served');
  });

  await step('it is deployed on demand, updated to the other version, and the deployment deleted', async () => {
    await button('Deploy for on-demand').click();
    await dialog.getByRole('button', { name: 'Deploy', exact: true }).click();
    await page.getByText('ron-on-demand', { exact: true }).first().waitFor({ timeout: WAIT_MILLISECONDS });
    await page.getByText('ron cannot draw yet').waitFor({ state: 'detached' });
    assert.equal(await button('Run').isDisabled(), false, 'it is chosen once it answers');
    await open('/deployments');
    await page.getByText('Active', { exact: true }).waitFor({ timeout: WAIT_MILLISECONDS });
    await page.getByRole('radio', { name: 'Select ron-on-demand' }).check();
    await button('Actions').click();
    await page.getByRole('menuitem', { name: 'Edit' }).click();
    await dialog.getByLabel('Custom model', { exact: true }).click();
    await page.getByRole('option', { name: 'ron-earlier' }).click();
    assert.deepEqual(await violations(page, 'edit deployment'), []);
    await dialog.getByRole('button', { name: 'Save edits' }).click();
    await page.getByRole('link', { name: 'ron-earlier', exact: true }).waitFor({ timeout: WAIT_MILLISECONDS });
    await photograph(page, 'deployments');
    await button('Actions').click();
    await page.getByRole('menuitem', { name: 'Delete' }).click();
    await dialog.getByLabel(/To confirm, type/).fill('delete');
    await dialog.getByRole('button', { name: 'Delete', exact: true }).click();
    await page.getByText('Deleted deployment ron-on-demand.').waitFor();
  });

  assert.deepEqual(complaints, []);
});

test('A job whose role lacks a right says which, and one with faulty records lists them', {
  skip: whySkipped ?? false,
}, async context => {
  const product = newProduct(context);
  await product.up();
  const jobArn = await createJob(product, 10);
  const browser = await openBrowser(context);
  const { page, open, complaints } = await visit(browser, product);
  const bedrock = product.bedrock();
  const {
    roleArn = '',
    trainingDataConfig,
    outputDataConfig,
  } = await bedrock.send(new GetModelCustomizationJobCommand({ jobIdentifier: jobArn }));
  const create = (jobName: string, s3Uri = trainingDataConfig?.s3Uri ?? '') =>
    bedrock.send(
      new CreateModelCustomizationJobCommand({
        ...{ jobName, customModelName: `${jobName}-model`, roleArn, outputDataConfig },
        hyperParameters: { stepCount: '10' },
        baseModelIdentifier: 'amazon.titan-image-generator-v1:0',
        trainingDataConfig: { s3Uri },
      }),
    );

  const { s3, faultyUri } = {
    s3: product.s3(),
    faultyUri: 's3://crash-pictures/data-sets/pets/versions/0003/train.jsonl',
  };
  const lines = Array.from({ length: 5 }, (_, index) =>
    JSON.stringify({ 'image-ref': `s3://crash-pictures/none/${index}.png`, caption: 'Ron the dog' }),
  );
  await s3.send(
    new PutObjectCommand({
      Bucket: 'crash-pictures',
      Key: 'data-sets/pets/versions/0003/train.jsonl',
      Body: lines.join('\n'),
    }),
  );
  await create('faulty', faultyUri);
  await open('/custom-models/jobs/faulty');
  const records = page.getByRole('table', { name: 'Records that cannot be used' });
  await records.getByRole('link', { name: 's3://crash-pictures/none/4.png' }).waitFor({ timeout: WAIT_MILLISECONDS });
  assert.equal(await records.getByText(/it does not exist$/).count(), 5);
  await page.getByRole('link', { name: 'Mend them in the data set' }).waitFor();
  await page.getByText(/^5 of 5 records are not usable in train\.jsonl\.$/).waitFor();
  assert.equal(await page.getByText(/it does not exist/).count(), 5, 'each is said once');
  assert.deepEqual(await violations(page, 'faulty job'), []);
  await photograph(page, 'job-faulty');

  const good = Array.from({ length: 4 }, (_, index) =>
    JSON.stringify({ 'image-ref': `s3://crash-pictures/ron/ron_0${index + 1}.jpg`, caption: 'Ron the dog' }),
  );
  const nearlyGood = { Bucket: 'crash-pictures', Key: 'nearly-good.jsonl', Body: [lines[0], ...good].join('\n') };
  await s3.send(new PutObjectCommand(nearlyGood));
  await create('nearly-good', 's3://crash-pictures/nearly-good.jsonl');
  await open('/custom-models/jobs/nearly-good');
  await page.getByText(/^1 line of s3:/).waitFor({ timeout: WAIT_MILLISECONDS });
  await page.getByText(/^It failed before its training began/).waitFor();

  const RoleName = roleArn.slice(roleArn.lastIndexOf('/') + 1);
  const statement = { Effect: 'Allow', Action: ['s3:PutObject', 's3:ListBucket'], Resource: '*' };
  const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement: [statement] });
  await product.iam().send(new PutRolePolicyCommand({ RoleName, PolicyName: 's3', PolicyDocument }));
  await create('powerless');
  await open('/custom-models/jobs/powerless');
  await page
    .getByText(
      `The service role ${RoleName} must be allowed s3:GetObject on arn:aws:s3:::crash-pictures/ron/train.jsonl.`,
    )
    .waitFor({ timeout: WAIT_MILLISECONDS });
  await photograph(page, 'job-powerless');
  await page.getByRole('link', { name: 'Give it a policy' }).click();
  await page.getByRole('rowheader', { name: RoleName, exact: true }).waitFor();
  assert.deepEqual(complaints, []);
});
