import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { GetRoleCommand, GetRolePolicyCommand } from '@aws-sdk/client-iam';
import { callRoute } from '../support/routes.ts';
import { ACCOUNT, startServer, type TestServer } from '../support/server.ts';
import { allow, makeUser } from './access-support.ts';

const BODY = { roleName: 'tuning', trainingData: ['s3://pictures/cats/'], output: 's3://results/tuning/' };

describe('a service role made to measure', () => {
  let server: TestServer;
  before(async () => {
    server = await startServer();
  });
  after(() => server.close());

  it('trusts Bedrock for jobs of this account and Region, and reaches nothing but the places named', async () => {
    const { status, json } = await callRoute(server, 'POST', '/service-roles', { body: BODY });
    assert.equal(status, 201, JSON.stringify(json));
    assert.equal(json.roleArn, `arn:aws:iam::${ACCOUNT}:role/tuning`);
    const { iam } = server.clients();
    const { Role } = await iam.send(new GetRoleCommand({ RoleName: 'tuning' }));
    const trust = JSON.parse(decodeURIComponent(Role?.AssumeRolePolicyDocument ?? ''));
    assert.deepEqual(trust, json.trustPolicy);
    assert.deepEqual(trust.Statement[0].Condition, {
      StringEquals: { 'aws:SourceAccount': ACCOUNT },
      ArnLike: { 'aws:SourceArn': `arn:aws:bedrock:us-east-1:${ACCOUNT}:model-customization-job/*` },
    });
    const { PolicyDocument = '' } = await iam.send(
      new GetRolePolicyCommand({ RoleName: 'tuning', PolicyName: 'fine-tuning-data' }),
    );
    const statements: { Action: string | string[]; Resource: string | string[] }[] = JSON.parse(
      decodeURIComponent(PolicyDocument),
    ).Statement;
    assert.deepEqual(
      statements.map(({ Action, Resource }) => [Action, Resource]),
      [
        ['s3:GetObject', ['arn:aws:s3:::pictures/cats/*']],
        ['s3:ListBucket', ['arn:aws:s3:::pictures', 'arn:aws:s3:::results']],
        [['s3:PutObject', 's3:DeleteObject'], 'arn:aws:s3:::results/tuning/*'],
      ],
    );
    const again = await callRoute(server, 'POST', '/service-roles', { body: BODY });
    assert.deepEqual([again.status, again.json.__type], [409, 'EntityAlreadyExists']);
  });

  const made: [string, object, string[], string[][]][] = [
    [
      'model-invocation-job',
      { inputData: ['s3://pets/prompts/'], output: 's3://pets/images/' },
      ['batch-inference-data', 'model-invocation-job/*'],
      [
        ['s3:GetObject', 'arn:aws:s3:::pets/prompts/*'],
        ['s3:ListBucket', 'arn:aws:s3:::pets'],
        ['s3:PutObject,s3:DeleteObject,s3:AbortMultipartUpload', 'arn:aws:s3:::pets/images/*'],
      ],
    ],
    [
      'model-import-job',
      { modelData: ['s3://models/ron.safetensors'] },
      ['model-import-data', 'model-import-job/*', 'custom-model/*'],
      [
        ['s3:GetObject', 'arn:aws:s3:::models/ron.safetensors*'],
        ['s3:ListBucket', 'arn:aws:s3:::models'],
      ],
    ],
  ];
  for (const [jobType, members, [PolicyName = '', ...sources], expected] of made)
    it(`is for a ${jobType} where that is asked for`, async () => {
      const roleName = `for-${jobType}`;
      const { status, json } = await callRoute(server, 'POST', '/service-roles', {
        body: { roleName, jobType, ...members },
      });
      assert.equal(status, 201, JSON.stringify(json));
      const { ArnLike } = json.trustPolicy.Statement[0].Condition;
      const arns = sources.map(source => `arn:aws:bedrock:us-east-1:${ACCOUNT}:${source}`);
      assert.deepEqual([ArnLike['aws:SourceArn']].flat(), arns);
      const { iam } = server.clients();
      const { PolicyDocument = '' } = await iam.send(new GetRolePolicyCommand({ RoleName: roleName, PolicyName }));
      const statements: { Action: string[]; Resource: string[] }[] = JSON.parse(
        decodeURIComponent(PolicyDocument),
      ).Statement;
      assert.deepEqual(
        statements.map(({ Action, Resource }) => [String(Action), String(Resource)]),
        expected,
      );
    });

  it('is no way around IAM', async () => {
    const credentials = await makeUser(server, 'helper', allow('likeness:*'));
    const denied = await callRoute(server, 'POST', '/service-roles', { body: BODY, credentials });
    assert.equal(denied.status, 403);
    assert.match(denied.json.message, /iam:CreateRole/);
  });

  it('is refused for places that are none, and for wildcards', async () => {
    const wrong = [
      { trainingData: [] },
      { trainingData: 's3://pictures' },
      { trainingData: ['https://pictures/'] },
      { trainingData: ['s3://pictures/*'] },
      { output: 's3://results/$user/' },
      { output: 7 },
      { roleName: 'with space' },
      { jobType: 'model-copy-job' },
      { jobType: 7 },
      { inputData: ['s3://pets/'] },
      { jobType: 'model-invocation-job' },
      { jobType: 'model-invocation-job', trainingData: undefined, inputData: [] },
      { jobType: 'model-import-job', trainingData: undefined, modelData: ['s3://models/'] },
    ];
    for (const change of wrong) {
      const { status, json } = await callRoute(server, 'POST', '/service-roles', {
        body: { ...BODY, roleName: 'other', ...change },
      });
      assert.deepEqual([status, json.__type], [400, 'ValidationException'], JSON.stringify(change));
    }
  });
});
