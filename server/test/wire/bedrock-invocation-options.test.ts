import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
  ApplyGuardrailCommand,
  ConverseCommand,
  CountTokensCommand,
  GetAsyncInvokeCommand,
  InvokeGuardrailChecksCommand,
  InvokeModelCommand,
  type InvokeModelCommandInput,
  InvokeModelWithResponseStreamCommand,
  ListAsyncInvokesCommand,
  StartAsyncInvokeCommand,
} from '@aws-sdk/client-bedrock-runtime';
import { createInProcessInference } from '../support/in-process-inference.ts';
import { ACCOUNT, startServer, type TestClients, type TestServer } from '../support/server.ts';
import { allow, makeUser, refused } from './access-support.ts';

const MODEL = 'amazon.titan-image-generator-v1';
const MODEL_ARN = `arn:aws:bedrock:us-east-1::foundation-model/${MODEL}`;
const GUARDRAIL = `arn:aws:bedrock:us-east-1:${ACCOUNT}:guardrail/abcdefghijkl`;
const ASYNC_INVOKE = `arn:aws:bedrock:us-east-1:${ACCOUNT}:async-invoke/abcdefghijkl`;
const NO_GUARDRAIL = 'The guardrail identifier or version provided in the request does not exist.';
const body = JSON.stringify({ taskType: 'TEXT_IMAGE', textToImageParams: { text: 'Ron the dog on the moon' } });
const messages = [{ role: 'user' as const, content: [{ text: 'hello' }] }];

let server: TestServer;
let root: TestClients;
before(async () => {
  const inference = createInProcessInference({ capacity: 2, loadMilliseconds: 1, invokeMilliseconds: 1 });
  server = await startServer({ overrides: { inference } });
  root = server.clients();
});
after(() => server.close());

type Options = Partial<Record<keyof InvokeModelCommandInput, string>>;
const invoke = (options: Options = {}, clients = root) =>
  clients.runtime.send(new InvokeModelCommand({ modelId: MODEL, body, ...options } as InvokeModelCommandInput));

describe('what the headers of InvokeModel ask for', () => {
  it('is taken where an image model has it, and said back', async () => {
    const plain = await invoke();
    assert.deepEqual([plain.performanceConfigLatency, plain.serviceTier], [undefined, undefined]);
    for (const trace of ['ENABLED', 'DISABLED', 'ENABLED_FULL']) await invoke({ trace });
    const answer = await invoke({ performanceConfigLatency: 'standard', serviceTier: 'default' });
    assert.deepEqual([answer.performanceConfigLatency, answer.serviceTier], ['standard', 'default']);
    await invoke({ guardrailIdentifier: '' });
    await invoke({ requestMetadata: JSON.stringify({ project: 'ron and smila', 'cost:center': '' }) });
  });

  const invalid: [Options, RegExp][] = [
    [{ trace: 'MAYBE' }, /'trace' failed to satisfy constraint: Member must satisfy enum value set/],
    [{ performanceConfigLatency: 'fast' }, /'performanceConfigLatency' .*enum value set: \[.*optimized/],
    [{ serviceTier: 'turbo' }, /'serviceTier' .*enum value set: \[.*flex/],
    [{ guardrailIdentifier: 'Not An Id', guardrailVersion: '1' }, /'guardrailIdentifier' .*regular expression/],
    [{ guardrailIdentifier: 'abcdefghijkl', guardrailVersion: '0' }, /'guardrailVersion' .*regular expression/],
    [{ guardrailIdentifier: 'abcdefghijkl' }, /^guardrailVersion is required with guardrailIdentifier/],
    [{ guardrailVersion: '1' }, /^guardrailVersion is taken with guardrailIdentifier only/],
    [{ guardrailIdentifier: 'abcdefghijkl', guardrailVersion: 'DRAFT' }, new RegExp(`^${NO_GUARDRAIL}`)],
    [{ guardrailIdentifier: GUARDRAIL, guardrailVersion: '1' }, new RegExp(`^${NO_GUARDRAIL}`)],
    [
      { performanceConfigLatency: 'optimized' },
      new RegExp(`^Latency performance configuration is not supported for ${MODEL} in us-east-1$`),
    ],
    ...['priority', 'flex', 'reserved'].map((serviceTier): [Options, RegExp] => [
      { serviceTier },
      new RegExp(`must be default, or left out; you sent ${serviceTier}\\.$`),
    ]),
    [{ requestMetadata: 'project=ron' }, /^requestMetadata must be a JSON object; it is not JSON/],
    [{ requestMetadata: '["ron"]' }, /^requestMetadata must be a JSON object of keys and texts/],
    [{ requestMetadata: '{}' }, /^requestMetadata must have 1 to 16 keys; it has 0/],
    [{ requestMetadata: '{"project": 7}' }, /^requestMetadata must map keys to texts .* entry 1 does not/],
    [{ requestMetadata: JSON.stringify({ a: 'x'.repeat(257) }) }, /at most 256 characters/],
    [
      { requestMetadata: JSON.stringify({ a: 'x'.repeat(8500) }) },
      /'requestMetadata' .*length less than or equal to 8500/,
    ],
  ];
  for (const [options, message] of invalid)
    it(`is refused as ${JSON.stringify(options).slice(0, 90)}`, async () => {
      await refused(invoke(options), 'ValidationException', 400, message);
    });
});

describe('condition keys of Bedrock', () => {
  const user = async (name: string, ...statements: object[]) =>
    server.clients({ credentials: await makeUser(server, name, ...statements) });
  const deny = (Condition: object) => ({
    Effect: 'Deny',
    Action: ['bedrock:InvokeModel', 'bedrock:InvokeModelWithResponseStream'],
    Resource: '*',
    Condition,
  });

  it("bedrock:ServiceTier decides on the tier that a request names, as in the policy of AWS's guide", async () => {
    const tiers = { StringEquals: { 'bedrock:ServiceTier': ['reserved', 'priority', 'default', 'flex'] } };
    const clients = await user('tiers', allow('bedrock:*'), deny(tiers));
    await invoke({}, clients);
    for (const serviceTier of ['default', 'priority'])
      await refused(invoke({ serviceTier }, clients), 'AccessDeniedException', 403, 'explicit deny');
    const converse = new ConverseCommand({ modelId: MODEL, messages, serviceTier: { type: 'flex' } });
    await refused(clients.runtime.send(converse), 'AccessDeniedException', 403, 'explicit deny');
    const plain = new ConverseCommand({ modelId: MODEL, messages });
    await refused(clients.runtime.send(plain), 'ValidationException', 400, 'does not support Converse');
  });

  it('bedrock:GuardrailIdentifier demands a guardrail of each invocation, by id or ARN and version', async () => {
    const clients = await user(
      'guarded',
      allow('bedrock:*'),
      deny({ ArnNotLike: { 'bedrock:GuardrailIdentifier': [`${GUARDRAIL}:1`] } }),
    );
    await refused(invoke({}, clients), 'AccessDeniedException', 403, 'explicit deny');
    for (const guardrailVersion of ['DRAFT', '2'])
      await refused(
        invoke({ guardrailIdentifier: GUARDRAIL, guardrailVersion }, clients),
        'AccessDeniedException',
        403,
        'explicit deny',
      );
    for (const guardrailIdentifier of ['abcdefghijkl', GUARDRAIL])
      await refused(
        invoke({ guardrailIdentifier, guardrailVersion: '1' }, clients),
        'ValidationException',
        400,
        NO_GUARDRAIL,
      );
    const guardrailConfig = { guardrailIdentifier: 'abcdefghijkl', guardrailVersion: '1' };
    const converse = new ConverseCommand({ modelId: MODEL, messages, guardrailConfig });
    await refused(clients.runtime.send(converse), 'ValidationException', 400, 'does not support Converse');
    const streamed = new InvokeModelWithResponseStreamCommand({ modelId: MODEL, body });
    await refused(clients.runtime.send(streamed), 'AccessDeniedException', 403, 'explicit deny');
  });

  it('a draft of a guardrail is its ARN alone', async () => {
    const draft = { Condition: { StringEquals: { 'bedrock:GuardrailIdentifier': GUARDRAIL } } };
    const clients = await user('drafts', allow('bedrock:InvokeModel', '*', draft));
    const options = { guardrailIdentifier: 'abcdefghijkl', guardrailVersion: 'DRAFT' };
    await refused(invoke(options, clients), 'ValidationException', 400, NO_GUARDRAIL);
    await refused(invoke({}, clients), 'AccessDeniedException', 403);
  });

  it('keys of what is not here are absent: an allowance through an inference profile or a prompt router grants nothing', async () => {
    for (const [name, key] of [
      ['profiles', 'bedrock:InferenceProfileArn'],
      ['routers', 'bedrock:PromptRouterArn'],
    ] as const) {
      const clients = await user(name, allow('bedrock:InvokeModel', '*', { Condition: { ArnLike: { [key]: '*' } } }));
      await refused(invoke({}, clients), 'AccessDeniedException', 403);
      const none = { Condition: { Null: { [key]: 'true' } } };
      await invoke({}, await user(`no-${name}`, allow('bedrock:InvokeModel', '*', none)));
    }
  });
});

describe('operations about what an image model has not', () => {
  it('answer of what is not there as AWS does', async () => {
    const { runtime } = root;
    const apply = { guardrailIdentifier: 'abcdefghijkl', guardrailVersion: '1', source: 'INPUT' as const };
    const content = [{ text: { text: 'x' } }];
    const applying = new ApplyGuardrailCommand({ ...apply, content });
    await refused(runtime.send(applying), 'ResourceNotFoundException', 404, NO_GUARDRAIL);
    const wrong = new ApplyGuardrailCommand({ ...apply, guardrailIdentifier: 'No Such', content });
    await refused(runtime.send(wrong), 'ValidationException', 400, "'guardrailIdentifier'");

    const getting = new GetAsyncInvokeCommand({ invocationArn: ASYNC_INVOKE });
    await refused(runtime.send(getting), 'ValidationException', 400, `no asynchronous invocation ${ASYNC_INVOKE} in`);
    const malformed = new GetAsyncInvokeCommand({ invocationArn: 'abcdefghijkl' });
    await refused(runtime.send(malformed), 'ValidationException', 400, "'invocationArn'");

    const listed = await runtime.send(new ListAsyncInvokesCommand({ maxResults: 5, statusEquals: 'Completed' }));
    assert.deepEqual([listed.asyncInvokeSummaries, listed.nextToken], [[], undefined]);
    const paged = new ListAsyncInvokesCommand({ nextToken: 'nonsense' });
    await refused(runtime.send(paged), 'ValidationException', 400, 'nextToken is invalid');
    await refused(
      runtime.send(new ListAsyncInvokesCommand({ maxResults: 1001 })),
      'ValidationException',
      400,
      "'maxResults'",
    );
    const checks = new InvokeGuardrailChecksCommand({
      messages: [{ role: 'user', content: [{ text: 'x' }] }],
      checks: { promptAttack: { categories: [{ category: 'JAILBREAK' }] } },
    });
    await refused(runtime.send(checks), 'ValidationException', 400, 'InvokeGuardrailChecks is not supported');
  });

  it('are decided on by their own actions and resources', async () => {
    const credentials = await makeUser(
      server,
      'by-action',
      allow('bedrock:CountTokens', MODEL_ARN),
      allow('bedrock:GetAsyncInvoke', ASYNC_INVOKE),
      allow('bedrock:ApplyGuardrail', GUARDRAIL),
      allow('bedrock:ListAsyncInvokes'),
    );
    const { runtime } = server.clients({ credentials });
    const input = { converse: { messages } };
    const count = (modelId: string) => runtime.send(new CountTokensCommand({ modelId, input }));
    await refused(count(MODEL), 'ValidationException', 400, 'does not support CountTokens');
    await refused(count('likeness.art-v1'), 'AccessDeniedException', 403, 'bedrock:CountTokens');
    const get = (invocationArn: string) => runtime.send(new GetAsyncInvokeCommand({ invocationArn }));
    await refused(get(ASYNC_INVOKE), 'ValidationException', 400, 'no asynchronous invocation');
    await refused(get(ASYNC_INVOKE.replace('abc', 'xyz')), 'AccessDeniedException', 403, 'bedrock:GetAsyncInvoke');
    const apply = (guardrailIdentifier: string) =>
      runtime.send(
        new ApplyGuardrailCommand({
          ...{ guardrailIdentifier, guardrailVersion: 'DRAFT', source: 'OUTPUT' },
          content: [{ text: { text: 'x' } }],
        }),
      );
    await refused(apply('abcdefghijkl'), 'ResourceNotFoundException', 404, NO_GUARDRAIL);
    await refused(apply('xyzdefghijkl'), 'AccessDeniedException', 403, 'guardrail/xyzdefghijkl');
    assert.deepEqual((await runtime.send(new ListAsyncInvokesCommand({}))).asyncInvokeSummaries, []);
    const start = new StartAsyncInvokeCommand({
      ...{ modelId: MODEL, modelInput: {} },
      outputDataConfig: { s3OutputDataConfig: { s3Uri: 's3://bucket/x' } },
    });
    // AWS: starting one is drawing.
    await refused(runtime.send(start), 'AccessDeniedException', 403, 'bedrock:InvokeModel on');
  });
});
