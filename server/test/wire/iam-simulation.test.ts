// biome-ignore-all lint/suspicious/noTemplateCurlyInString: policy variables look like templates
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
  AddUserToGroupCommand,
  AttachGroupPolicyCommand,
  CreateGroupCommand,
  CreateRoleCommand,
  type EvaluationResult,
  GetContextKeysForCustomPolicyCommand,
  GetContextKeysForPrincipalPolicyCommand,
  type IAMClient,
  PutRolePolicyCommand,
  PutUserPermissionsBoundaryCommand,
  SimulateCustomPolicyCommand,
  type SimulateCustomPolicyCommandInput,
  SimulatePrincipalPolicyCommand,
} from '@aws-sdk/client-iam';
import { ACCOUNT, startServer, type TestServer } from '../support/server.ts';
import { allow, document, makeUser, OTHER_ACCOUNT, refused, trust } from './access-support.ts';

const USER = `arn:aws:iam::${ACCOUNT}:user/alice`;
const BUCKET = 'arn:aws:s3:::pets';
const OBJECT = 'arn:aws:s3:::pets/ron.jpg';

describe('the policy simulator', () => {
  let server: TestServer;
  let iam: IAMClient;
  before(async () => {
    server = await startServer();
    ({ iam } = server.clients());
    await makeUser(server, 'alice', allow('s3:Get*', 'arn:aws:s3:::pets/*'));
    await iam.send(new CreateGroupCommand({ GroupName: 'keepers' }));
    const PolicyArn = 'arn:aws:iam::aws:policy/IAMReadOnlyAccess';
    await iam.send(new AttachGroupPolicyCommand({ GroupName: 'keepers', PolicyArn }));
    await iam.send(new AddUserToGroupCommand({ GroupName: 'keepers', UserName: 'alice' }));
  });
  after(() => server.close());

  const custom = (input: Partial<SimulateCustomPolicyCommandInput>) =>
    iam.send(new SimulateCustomPolicyCommand({ ActionNames: ['s3:GetObject'], PolicyInputList: [], ...input }));
  const decisions = (results: EvaluationResult[] | undefined) =>
    results?.map(result => [result.EvalActionName, result.EvalResourceName, result.EvalDecision]);

  it('says what a user may do, and which of its policies and its groups’ decide', async () => {
    const { EvaluationResults, IsTruncated } = await iam.send(
      new SimulatePrincipalPolicyCommand({
        PolicySourceArn: USER,
        ActionNames: ['s3:GetObject', 's3:PutObject', 'iam:GetUser'],
        ResourceArns: [OBJECT],
      }),
    );
    assert.equal(IsTruncated, false);
    assert.deepEqual(decisions(EvaluationResults), [
      ['s3:GetObject', OBJECT, 'allowed'],
      ['s3:PutObject', OBJECT, 'implicitDeny'],
      ['iam:GetUser', OBJECT, 'allowed'],
    ]);
    const matched = EvaluationResults?.map(result =>
      result.MatchedStatements?.map(statement => [statement.SourcePolicyId, statement.SourcePolicyType]),
    );
    assert.deepEqual(matched, [[['user_alice_p0', 'user']], [], [['IAMReadOnlyAccess', 'aws-managed']]]);
    assert.deepEqual(EvaluationResults?.[0]?.MatchedStatements?.[0]?.StartPosition, { Line: 1, Column: 39 });
    const specific = EvaluationResults?.[0]?.ResourceSpecificResults;
    assert.deepEqual(
      specific?.map(result => [result.EvalResourceName, result.EvalResourceDecision]),
      [[OBJECT, 'allowed']],
    );
  });

  it('adds the policies of the call, and bounds by the user’s boundary or the call’s', async () => {
    const simulate = async (more: object) => {
      const input = { PolicySourceArn: USER, ActionNames: ['s3:PutObject'], ResourceArns: [OBJECT], ...more };
      const [result] = (await iam.send(new SimulatePrincipalPolicyCommand(input))).EvaluationResults ?? [];
      return [
        result?.EvalDecision,
        result?.MatchedStatements?.map(statement => statement.SourcePolicyId),
        result?.PermissionsBoundaryDecisionDetail?.AllowedByPermissionsBoundary,
      ];
    };
    const PolicyInputList = [document(allow('s3:*'))];
    assert.deepEqual(await simulate({ PolicyInputList }), ['allowed', ['PolicyInputList.1'], undefined]);
    const PermissionsBoundary = 'arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess';
    await iam.send(new PutUserPermissionsBoundaryCommand({ UserName: 'alice', PermissionsBoundary }));
    assert.deepEqual(await simulate({ PolicyInputList }), ['implicitDeny', [], false]);
    const PermissionsBoundaryPolicyInputList = [document(allow('*'))];
    const widened = await simulate({ PolicyInputList, PermissionsBoundaryPolicyInputList });
    assert.deepEqual(widened, ['allowed', ['PolicyInputList.1'], true]);
  });

  it('simulates roles and groups', async () => {
    await iam.send(new CreateRoleCommand({ RoleName: 'trainer', AssumeRolePolicyDocument: trust({ AWS: ACCOUNT }) }));
    const PolicyDocument = document(allow('bedrock:*'));
    await iam.send(new PutRolePolicyCommand({ RoleName: 'trainer', PolicyName: 'work', PolicyDocument }));
    const simulate = async (name: string) => {
      const PolicySourceArn = `arn:aws:iam::${ACCOUNT}:${name}`;
      const ActionNames = ['bedrock:InvokeModel', 'iam:ListUsers'];
      const { EvaluationResults } = await iam.send(
        new SimulatePrincipalPolicyCommand({ PolicySourceArn, ActionNames }),
      );
      return EvaluationResults?.map(result => result.EvalDecision);
    };
    assert.deepEqual(await simulate('role/trainer'), ['allowed', 'implicitDeny']);
    assert.deepEqual(await simulate('group/keepers'), ['implicitDeny', 'allowed']);
    await refused(simulate('user/nobody'), 'NoSuchEntityException', 404, 'nobody');
    await refused(simulate('root'), 'InvalidInputException', 400, 'PolicySourceArn');
    await refused(simulate('policy/x'), 'InvalidInputException', 400, 'PolicySourceArn');
  });

  it('takes context entries of every type, and lists the keys that are missing', async () => {
    const when = (Condition: object) => document(allow('s3:GetObject', '*', { Condition }));
    const cases: [object, string, string, string[]][] = [
      [{ StringEquals: { 's3:prefix': 'a' } }, 's3:prefix', 'string', ['a']],
      [{ 'ForAllValues:StringEquals': { 'aws:TagKeys': ['a', 'b'] } }, 'aws:TagKeys', 'stringList', ['a', 'b']],
      [{ NumericLessThan: { 's3:max-keys': '9' } }, 's3:max-keys', 'numeric', ['8']],
      [{ 'ForAnyValue:NumericEquals': { 'x:number': '2' } }, 'x:number', 'numericList', ['1', '2']],
      [{ Bool: { 'aws:SecureTransport': 'true' } }, 'aws:SecureTransport', 'boolean', ['true']],
      [{ 'ForAllValues:Bool': { 'x:truth': 'true' } }, 'x:truth', 'booleanList', ['true', 'TRUE']],
      [{ IpAddress: { 'aws:SourceIp': '2001:db8::/32' } }, 'aws:SourceIp', 'ip', ['2001:db8::7']],
      [{ 'ForAnyValue:IpAddress': { 'x:address': '10.0.0.0/8' } }, 'x:address', 'ipList', ['10.1.2.3', '192.0.2.1']],
      [{ BinaryEquals: { 'x:key': 'QmlubQ==' } }, 'x:key', 'binary', ['QmlubQ==']],
      [{ 'ForAllValues:BinaryEquals': { 'x:key': 'QmlubQ==' } }, 'x:key', 'binaryList', ['QmlubQ==']],
      [{ DateGreaterThan: { 'aws:CurrentTime': '2018-08-16' } }, 'aws:CurrentTime', 'date', ['2019-04-25T11:00:00Z']],
      [{ 'ForAllValues:DateLessThan': { 'x:date': '2018-08-16' } }, 'x:date', 'dateList', ['2014-04-25T11:00:00Z']],
    ];
    for (const [condition, ContextKeyName, type, ContextKeyValues] of cases) {
      const ContextKeyType = type as 'string';
      const ContextEntries = [{ ContextKeyName, ContextKeyType, ContextKeyValues }];
      const { EvaluationResults } = await custom({ PolicyInputList: [when(condition)], ContextEntries });
      assert.equal(EvaluationResults?.[0]?.EvalDecision, 'allowed', type);
      assert.deepEqual(EvaluationResults?.[0]?.MissingContextValues ?? [], [], type);
    }
    const asking = when({
      StringEquals: { 'x:Mood': '${x:color}' },
      DateGreaterThan: { 'aws:CurrentTime': '2018-08-16' },
    });
    const { EvaluationResults } = await custom({ PolicyInputList: [asking] });
    assert.deepEqual(EvaluationResults?.[0]?.MissingContextValues, ['x:color', 'x:Mood']);
    const wrong = (type: 'numeric' | 'boolean' | 'ip' | 'date', ContextKeyValues: string[]) =>
      custom({ ContextEntries: [{ ContextKeyName: 'x:thing', ContextKeyType: type, ContextKeyValues }] });
    await refused(wrong('numeric', ['ten']), 'InvalidInputException', 400, '"ten" of x:thing is no numeric');
    await refused(wrong('boolean', ['maybe']), 'InvalidInputException', 400, 'maybe');
    await refused(wrong('ip', ['10.0.0']), 'InvalidInputException', 400, '10.0.0');
    await refused(wrong('date', ['soon']), 'InvalidInputException', 400, 'soon');
    await refused(wrong('date', []), 'InvalidInputException', 400, 'must have one value');
  });

  it('asks a resource policy in the name of a caller, across accounts too', async () => {
    const ResourcePolicy = document({ ...allow('s3:*', [BUCKET, OBJECT]), Principal: { AWS: USER } });
    const simulate = async (more: object) => {
      const input = { PolicyInputList: [document(allow('iam:*'))], ResourceArns: [OBJECT], ResourcePolicy, ...more };
      return (await custom(input)).EvaluationResults?.[0];
    };
    const within = await simulate({ CallerArn: USER });
    assert.equal(within?.EvalDecision, 'allowed');
    assert.equal(within?.MatchedStatements?.[0]?.SourcePolicyType, 'resource');
    const across = await simulate({ CallerArn: USER, ResourceOwner: `arn:aws:iam::${OTHER_ACCOUNT}:root` });
    assert.equal(across?.EvalDecision, 'implicitDeny');
    assert.deepEqual(across?.EvalDecisionDetails, { 'IAM Policy': 'implicitDeny', 'Resource Policy': 'allowed' });
    assert.equal((await simulate({ CallerArn: `${USER}s` }))?.EvalDecision, 'implicitDeny');
    await refused(simulate({}), 'InvalidInputException', 400, 'CallerArn is required');
    const session = `arn:aws:sts::${ACCOUNT}:assumed-role/trainer/job`;
    await refused(simulate({ CallerArn: session }), 'InvalidInputException', 400, 'ARN of an IAM user');
  });

  it('pages over every action on every resource', async () => {
    const input = {
      PolicyInputList: [document(allow('s3:GetObject', OBJECT))],
      ActionNames: ['s3:GetObject', 's3:PutObject'],
      ResourceArns: [BUCKET, OBJECT],
      MaxItems: 3,
    };
    const first = await custom(input);
    assert.equal(first.IsTruncated, true);
    const second = await custom({ ...input, Marker: first.Marker });
    assert.equal(second.IsTruncated, false);
    assert.deepEqual(decisions([...(first.EvaluationResults ?? []), ...(second.EvaluationResults ?? [])]), [
      ['s3:GetObject', BUCKET, 'implicitDeny'],
      ['s3:GetObject', OBJECT, 'allowed'],
      ['s3:PutObject', BUCKET, 'implicitDeny'],
      ['s3:PutObject', OBJECT, 'implicitDeny'],
    ]);
    await refused(custom({ ...input, Marker: 'x' }), 'InvalidInputException', 400, 'Marker');
  });

  it('refuses what it cannot simulate, by what is wrong with it', async () => {
    await refused(custom({ PolicyInputList: ['{'] }), 'InvalidInputException', 400, 'JSON');
    await refused(custom({ ActionNames: ['s3:Get*'] }), 'InvalidInputException', 400, 's3:Get*');
    await refused(custom({ ActionNames: ['GetObject'] }), 'InvalidInputException', 400, 'GetObject');
    await refused(custom({ ResourceArns: ['pets'] }), 'InvalidInputException', 400, '"pets"');
    await refused(
      custom({ ResourceOwner: `arn:aws:iam::${ACCOUNT}:user/x` }),
      'InvalidInputException',
      400,
      'ResourceOwner',
    );
  });

  it('leaves out no policy, and hears of none of an organization, without saying so', async () => {
    const ActionNames = ['s3:GetObject'];
    const PolicyExclusionList = [{ PolicyType: 'inline' as const }];
    const excluding = { PolicySourceArn: USER, ActionNames, PolicyExclusionList };
    const without = iam.send(new SimulatePrincipalPolicyCommand(excluding));
    await refused(without, 'InvalidInputException', 400, 'PolicyExclusionList');
    const OrderedOrganizationPolicyInputList = [{ ServiceControlPolicyInputList: [document(allow('s3:*'))] }];
    const within = { PolicyInputList: [], ActionNames, OrderedOrganizationPolicyInputList };
    const custom = iam.send(new SimulateCustomPolicyCommand(within));
    await refused(custom, 'InvalidInputException', 400, 'OrderedOrganizationPolicyInputList');
  });

  it('knows the account of a resource by S3’s key too, and gives that key to no other service', async () => {
    const Condition = { StringEquals: { 's3:ResourceAccount': ACCOUNT } };
    const { EvaluationResults } = await custom({
      PolicyInputList: [document(allow('*', '*', { Condition }))],
      ActionNames: ['s3:GetObject', 'iam:GetUser'],
    });
    assert.deepEqual(
      EvaluationResults?.map(result => [result.EvalDecision, result.MissingContextValues]),
      [
        ['allowed', []],
        ['implicitDeny', ['s3:ResourceAccount']],
      ],
    );
  });

  it('lists the context keys that policies ask for', async () => {
    const policy = document(
      allow('dynamodb:*', 'arn:aws:dynamodb:us-west-2:123456789012:table/${aws:username}', {
        Condition: { DateGreaterThan: { 'aws:CurrentTime': '2015-08-16T12:00:00Z' } },
      }),
    );
    const PolicyInputList = [policy, policy];
    const { ContextKeyNames } = await iam.send(new GetContextKeysForCustomPolicyCommand({ PolicyInputList }));
    assert.deepEqual(ContextKeyNames, ['aws:username', 'aws:CurrentTime']);
    const ofUser = await iam.send(
      new GetContextKeysForPrincipalPolicyCommand({ PolicySourceArn: USER, PolicyInputList }),
    );
    assert.deepEqual(ofUser.ContextKeyNames, ['aws:username', 'aws:CurrentTime']);
  });

  it('is asked of those alone who may', async () => {
    const bob = server.clients({ credentials: await makeUser(server, 'bob') }).iam;
    const ask = new SimulatePrincipalPolicyCommand({ PolicySourceArn: USER, ActionNames: ['s3:GetObject'] });
    await refused(bob.send(ask), 'AccessDenied', 403, `iam:SimulatePrincipalPolicy on resource: ${USER}`);
    const Custom = new SimulateCustomPolicyCommand({ PolicyInputList: [], ActionNames: ['s3:GetObject'] });
    await refused(bob.send(Custom), 'AccessDenied', 403, 'iam:SimulateCustomPolicy');
  });
});
