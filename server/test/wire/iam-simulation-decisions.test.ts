// biome-ignore-all lint/suspicious/noTemplateCurlyInString: policy variables look like templates
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
  AddUserToGroupCommand,
  type ContextEntry,
  CreateGroupCommand,
  CreatePolicyCommand,
  DeleteUserPermissionsBoundaryCommand,
  GetUserCommand,
  type IAMClient,
  ListUsersCommand,
  PutGroupPolicyCommand,
  PutUserPermissionsBoundaryCommand,
  PutUserPolicyCommand,
  SimulateCustomPolicyCommand,
  SimulatePrincipalPolicyCommand,
  TagUserCommand,
} from '@aws-sdk/client-iam';
import { CreateKeyCommand, DescribeKeyCommand, GetKeyPolicyCommand } from '@aws-sdk/client-kms';
import {
  CreateBucketCommand,
  GetBucketVersioningCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  ListBucketsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import fc from 'fast-check';
import { ACCOUNT, startServer, type TestClients, type TestServer } from '../support/server.ts';
import { document, makeUser, type Refused } from './access-support.ts';

const ALICE = `arn:aws:iam::${ACCOUNT}:user/alice`;
const BOB = `arn:aws:iam::${ACCOUNT}:user/bob`;

/** A call that changes nothing, and how the simulator is asked about it. */
interface Question {
  call(as: TestClients): Promise<unknown>;
  action: string;
  resource: string;
  entries?: Record<string, string>;
  resourcePolicy?: string;
}

describe('the policy simulator and the server', () => {
  let server: TestServer;
  let iam: IAMClient;
  let asAlice: TestClients;
  let questions: Question[];

  before(async () => {
    server = await startServer();
    const root = server.clients();
    ({ iam } = root);
    asAlice = server.clients({ credentials: await makeUser(server, 'alice') });
    await makeUser(server, 'bob');
    await iam.send(new TagUserCommand({ UserName: 'alice', Tags: [{ Key: 'team', Value: 'pets' }] }));
    await iam.send(new TagUserCommand({ UserName: 'bob', Tags: [{ Key: 'team', Value: 'cars' }] }));
    await iam.send(new CreateGroupCommand({ GroupName: 'keepers' }));
    await iam.send(new AddUserToGroupCommand({ GroupName: 'keepers', UserName: 'alice' }));
    const keys = { pets: 'alice.jpg', cars: 'bob.jpg' };
    for (const [Bucket, Key] of Object.entries(keys)) {
      await root.s3.send(new CreateBucketCommand({ Bucket }));
      await root.s3.send(new PutObjectCommand({ Bucket, Key, Body: 'x', Tagging: 'kind=picture' }));
    }
    const { KeyMetadata } = await root.kms.send(new CreateKeyCommand({}));
    const { KeyId = '', Arn: keyArn = '' } = KeyMetadata ?? {};
    const { Policy: keyPolicy = '' } = await root.kms.send(new GetKeyPolicyCommand({ KeyId }));
    const object = (Bucket: string, Key: string): Question[] => {
      const question = {
        resource: `arn:aws:s3:::${Bucket}/${Key}`,
        entries: { 's3:ExistingObjectTag/kind': 'picture' },
      };
      const body = async ({ s3 }: TestClients) =>
        await (await s3.send(new GetObjectCommand({ Bucket, Key }))).Body?.transformToString();
      const tags = ({ s3 }: TestClients) => s3.send(new GetObjectTaggingCommand({ Bucket, Key }));
      return [
        { ...question, call: body, action: 's3:GetObject' },
        { ...question, call: tags, action: 's3:GetObjectTagging' },
      ];
    };
    const user = (UserName: string, team: string): Question => ({
      call: as => as.iam.send(new GetUserCommand({ UserName })),
      action: 'iam:GetUser',
      resource: `arn:aws:iam::${ACCOUNT}:user/${UserName}`,
      entries: { 'aws:ResourceTag/team': team },
    });
    questions = [
      ...object('pets', 'alice.jpg'),
      ...object('cars', 'bob.jpg'),
      {
        call: ({ s3 }) => s3.send(new ListObjectsV2Command({ Bucket: 'pets', Prefix: 'alice' })),
        action: 's3:ListBucket',
        resource: 'arn:aws:s3:::pets',
        entries: { 's3:prefix': 'alice' },
      },
      {
        call: ({ s3 }) => s3.send(new GetBucketVersioningCommand({ Bucket: 'cars' })),
        action: 's3:GetBucketVersioning',
        resource: 'arn:aws:s3:::cars',
      },
      {
        call: ({ s3 }) => s3.send(new ListBucketsCommand({})),
        action: 's3:ListAllMyBuckets',
        resource: 'arn:aws:s3:::*',
      },
      user('alice', 'pets'),
      user('bob', 'cars'),
      {
        call: as => as.iam.send(new ListUsersCommand({})),
        action: 'iam:ListUsers',
        resource: `arn:aws:iam::${ACCOUNT}:user/`,
      },
      {
        call: ({ kms }) => kms.send(new DescribeKeyCommand({ KeyId })),
        action: 'kms:DescribeKey',
        resource: keyArn,
        resourcePolicy: keyPolicy,
      },
    ];
  });
  after(() => server.close());

  /** What the server decides about a call, in the simulator's words. */
  const decided = async ({ call }: Question): Promise<string> => {
    const problem = await call(asAlice).then(
      () => undefined,
      (caught: Refused) => caught,
    );
    if (problem === undefined) return 'allowed';
    assert.equal(problem.$metadata.httpStatusCode, problem.name === 'AccessDeniedException' ? 400 : 403);
    return problem.message.includes('explicit deny') ? 'explicitDeny' : 'implicitDeny';
  };

  /** The keys of every request that the simulator cannot know. */
  const ofRequest = { 'aws:SourceIp': '127.0.0.1', 'aws:SecureTransport': 'false', 'aws:RequestedRegion': 'us-east-1' };
  const asked = ({ action, resource, entries, resourcePolicy }: Question) => ({
    ActionNames: [action],
    ResourceArns: [resource],
    ...(resourcePolicy === undefined ? {} : { ResourcePolicy: resourcePolicy }),
    ContextEntries: Object.entries({ ...ofRequest, ...entries }).map(
      ([ContextKeyName, value]): ContextEntry => ({
        ContextKeyName,
        ContextKeyValues: [value],
        ContextKeyType: ContextKeyName === 'aws:SourceIp' ? 'ip' : 'string',
      }),
    ),
  });

  const some = (...values: string[]) =>
    fc.oneof(fc.constantFrom(...values), fc.uniqueArray(fc.constantFrom(...values), { minLength: 1, maxLength: 3 }));
  const actions = some(
    ...[
      '*',
      's3:*',
      's3:Get*',
      's3:GetObject',
      's3:GetObject?agging',
      'S3:listbucket',
      's3:List*',
      's3:GetBucketVersioning',
    ],
    ...['iam:*', 'iam:GetUser', 'iam:List*', 'kms:*', 'kms:DescribeKey', 'bedrock:*'],
  );
  const resources = some(
    ...['*', 'arn:aws:s3:::*', 'arn:aws:s3:::pets', 'arn:aws:s3:::pets/*', 'arn:aws:s3:::*/${aws:username}.jpg'],
    ...['arn:aws:s3:::ca?s*', `arn:aws:iam::${ACCOUNT}:user/*`, ALICE, 'arn:aws:iam::*:user/${aws:username}'],
    ...[`arn:aws:kms:us-east-1:${ACCOUNT}:key/*`, 'arn:aws:s3:::${aws:PrincipalTag/team}/*'],
  );
  const conditions = fc.constantFrom<object>(
    { StringLike: { 's3:prefix': 'al*' } },
    { StringNotEquals: { 's3:prefix': 'alice' } },
    { StringEqualsIfExists: { 's3:prefix': 'x' } },
    { StringEquals: { 'aws:ResourceTag/team': '${aws:PrincipalTag/team}' } },
    { StringEquals: { 'aws:PrincipalTag/TEAM': ['pets', 'cars'] } },
    { StringEquals: { 's3:ExistingObjectTag/kind': 'picture' } },
    { Null: { 's3:ExistingObjectTag/kind': 'true' } },
    { Null: { 'aws:MultiFactorAuthPresent': 'true' } },
    { BoolIfExists: { 'aws:MultiFactorAuthPresent': 'false' } },
    { Bool: { 'aws:SecureTransport': 'false' }, IpAddress: { 'aws:SourceIp': '127.0.0.0/8' } },
    { NotIpAddress: { 'aws:SourceIp': '127.0.0.0/8' } },
    { ArnLike: { 'aws:PrincipalArn': 'arn:aws:iam::*:user/al*' } },
    { ArnNotEquals: { 'aws:PrincipalArn': BOB } },
    { StringEquals: { 'aws:PrincipalAccount': ACCOUNT, 'aws:PrincipalType': 'User' } },
    { StringEquals: { 'aws:ResourceAccount': ACCOUNT } },
    { StringEquals: { 's3:ResourceAccount': ACCOUNT } },
    { StringEquals: { 'aws:RequestedRegion': 'us-east-1' } },
    { DateGreaterThan: { 'aws:CurrentTime': '2020-01-01T00:00:00Z' } },
    { NumericLessThan: { 'aws:EpochTime': '1000' } },
    { 'ForAllValues:StringEquals': { 'aws:TagKeys': ['team'] } },
    { 'ForAnyValue:StringEquals': { 'aws:TagKeys': ['team'] } },
  );
  const statement = fc
    .record({
      effect: fc.constantFrom('Allow', 'Allow', 'Allow', 'Deny'),
      action: fc.record({ member: fc.constantFrom('Action', 'Action', 'Action', 'NotAction'), value: actions }),
      resource: fc.record({
        member: fc.constantFrom('Resource', 'Resource', 'Resource', 'NotResource'),
        value: resources,
      }),
      condition: fc.option(conditions, { freq: 2 }),
    })
    .map(({ effect, action, resource, condition }) => ({
      Effect: effect,
      [action.member]: action.value,
      [resource.member]: resource.value,
      ...(condition && { Condition: condition }),
    }));
  const policy = fc.array(statement, { minLength: 1, maxLength: 3 }).map(statements => document(...statements));

  it('come to one decision about every call, whatever the policies and the boundary', async () => {
    let boundaries = 0;
    const seen = new Set<string>();
    await fc.assert(
      fc.asyncProperty(policy, policy, fc.option(policy, { freq: 3 }), async (own, ofGroup, boundary) => {
        const named = { PolicyName: 'p' };
        await iam.send(new PutUserPolicyCommand({ ...named, UserName: 'alice', PolicyDocument: own }));
        await iam.send(new PutGroupPolicyCommand({ ...named, GroupName: 'keepers', PolicyDocument: ofGroup }));
        if (boundary === null) {
          await iam.send(new DeleteUserPermissionsBoundaryCommand({ UserName: 'alice' })).catch(() => undefined);
        } else {
          const made = { PolicyName: `boundary-${++boundaries}`, PolicyDocument: boundary };
          const { Policy } = await iam.send(new CreatePolicyCommand(made));
          const bound = { UserName: 'alice', PermissionsBoundary: Policy?.Arn };
          await iam.send(new PutUserPermissionsBoundaryCommand(bound));
        }
        const inline = {
          CallerArn: ALICE,
          PolicyInputList: [own, ofGroup],
          ...(boundary !== null && { PermissionsBoundaryPolicyInputList: [boundary] }),
        };
        for (const question of questions) {
          const input = asked(question);
          const [server, principal, custom] = await Promise.all([
            decided(question),
            iam.send(new SimulatePrincipalPolicyCommand({ PolicySourceArn: ALICE, ...input })),
            iam.send(new SimulateCustomPolicyCommand({ ...inline, ...input })),
          ]);
          const simulated = [principal, custom].map(({ EvaluationResults }) => EvaluationResults?.[0]?.EvalDecision);
          assert.deepEqual(simulated, [server, server], `${question.action} on ${question.resource}`);
          seen.add(server);
        }
      }),
      { numRuns: 20 },
    );
    assert.ok(seen.size > 1, `all of them were ${[...seen]}`);
  });
});
