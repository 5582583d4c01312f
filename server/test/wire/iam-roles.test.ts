import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
  AttachRolePolicyCommand,
  CreatePolicyCommand,
  CreatePolicyVersionCommand,
  CreateRoleCommand,
  DeletePolicyCommand,
  DeletePolicyVersionCommand,
  DeleteRoleCommand,
  DeleteRolePolicyCommand,
  DetachRolePolicyCommand,
  GetPolicyCommand,
  GetPolicyVersionCommand,
  GetRoleCommand,
  GetRolePolicyCommand,
  type IAMClient,
  ListAttachedRolePoliciesCommand,
  ListEntitiesForPolicyCommand,
  ListInstanceProfilesForRoleCommand,
  ListPoliciesCommand,
  ListPolicyVersionsCommand,
  ListRolePoliciesCommand,
  ListRolesCommand,
  ListRoleTagsCommand,
  PutRolePermissionsBoundaryCommand,
  PutRolePolicyCommand,
  paginateListRoles,
  SetDefaultPolicyVersionCommand,
  TagRoleCommand,
  UntagRoleCommand,
  UpdateAssumeRolePolicyCommand,
  UpdateRoleCommand,
  UpdateRoleDescriptionCommand,
} from '@aws-sdk/client-iam';
import { ACCOUNT, startServer, type TestServer } from '../support/server.ts';
import { allow, document, refused, trust } from './access-support.ts';

const BEDROCK_TRUST = trust({ Service: 'bedrock.amazonaws.com' });
const READ = document(allow(['s3:GetObject', 's3:ListBucket']));

describe('IAM roles and managed policies', () => {
  let server: TestServer;
  let iam: IAMClient;
  before(async () => {
    server = await startServer();
    ({ iam } = server.clients());
  });
  after(() => server.close());

  const newRole = (RoleName: string, more: object = {}) =>
    iam.send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: BEDROCK_TRUST, ...more }));
  const newPolicy = async (PolicyName: string) =>
    (await iam.send(new CreatePolicyCommand({ PolicyName, PolicyDocument: READ }))).Policy?.Arn ?? '';

  it('makes the service role as the notebook does, and takes it apart again', async () => {
    const RoleName = 'AmazonBedrockFineTuning-imagegen-ronsmila';
    const { Role } = await newRole(RoleName, { Description: 'Role for fine-tuning', Tags: [{ Key: 'a', Value: 'b' }] });
    assert.equal(Role?.Arn, `arn:aws:iam::${ACCOUNT}:role/${RoleName}`);
    assert.match(Role?.RoleId ?? '', /^AROA[A-Z0-9]{17}$/);
    assert.ok(Role?.CreateDate instanceof Date);
    // AWS: how long a session may last is said of a role that is read.
    assert.equal(Role?.MaxSessionDuration, undefined);
    const described = await iam.send(
      new UpdateRoleDescriptionCommand({ RoleName, Description: 'Role for fine-tuning' }),
    );
    assert.equal(described.Role?.MaxSessionDuration, undefined);
    const listed = (await iam.send(new ListRolesCommand({}))).Roles?.find(role => role.RoleName === RoleName);
    assert.equal(listed?.MaxSessionDuration, 3600);

    const { Policy } = await iam.send(new CreatePolicyCommand({ PolicyName: 'FineTuning', PolicyDocument: READ }));
    assert.equal(Policy?.Arn, `arn:aws:iam::${ACCOUNT}:policy/FineTuning`);
    assert.match(Policy?.PolicyId ?? '', /^ANPA[A-Z0-9]{17}$/);
    const PolicyArn = Policy?.Arn ?? '';
    assert.equal(Policy?.Tags, undefined);
    assert.deepEqual((await iam.send(new GetPolicyCommand({ PolicyArn }))).Policy?.Tags, []);
    await iam.send(new AttachRolePolicyCommand({ RoleName, PolicyArn }));
    await iam.send(new AttachRolePolicyCommand({ RoleName, PolicyArn }));

    const attached = await iam.send(new ListAttachedRolePoliciesCommand({ RoleName }));
    assert.deepEqual(attached.AttachedPolicies, [{ PolicyName: 'FineTuning', PolicyArn }]);
    const entities = await iam.send(new ListEntitiesForPolicyCommand({ PolicyArn }));
    assert.deepEqual(entities.PolicyRoles, [{ RoleName, RoleId: Role?.RoleId }]);
    assert.equal((await iam.send(new GetPolicyCommand({ PolicyArn }))).Policy?.AttachmentCount, 1);

    const read = (await iam.send(new GetRoleCommand({ RoleName }))).Role;
    assert.equal(decodeURIComponent(read?.AssumeRolePolicyDocument ?? ''), BEDROCK_TRUST);
    assert.equal(read?.MaxSessionDuration, 3600);
    assert.equal(read?.Description, 'Role for fine-tuning');
    assert.deepEqual(read?.Tags, [{ Key: 'a', Value: 'b' }]);

    await refused(
      iam.send(new DeleteRoleCommand({ RoleName })),
      'DeleteConflictException',
      409,
      'must detach all policies',
    );
    await refused(
      iam.send(new DeletePolicyCommand({ PolicyArn })),
      'DeleteConflictException',
      409,
      'attached to entities',
    );
    await iam.send(new DetachRolePolicyCommand({ RoleName, PolicyArn }));
    await refused(
      iam.send(new DetachRolePolicyCommand({ RoleName, PolicyArn })),
      'NoSuchEntityException',
      404,
      PolicyArn,
    );
    await iam.send(new DeletePolicyCommand({ PolicyArn }));
    assert.deepEqual((await iam.send(new ListInstanceProfilesForRoleCommand({ RoleName }))).InstanceProfiles, []);
    await iam.send(new DeleteRoleCommand({ RoleName }));
    await refused(
      iam.send(new GetRoleCommand({ RoleName })),
      'NoSuchEntityException',
      404,
      `The role with name ${RoleName} cannot be found.`,
    );
  });

  it('keeps names unique whatever their case', async () => {
    await newRole('Painter');
    await refused(newRole('Painter'), 'EntityAlreadyExistsException', 409, 'Role with name Painter already exists.');
    await refused(newRole('PAINTER'), 'EntityAlreadyExistsException', 409, 'already exists');
    await newPolicy('Brush');
    await refused(newPolicy('brush'), 'EntityAlreadyExistsException', 409, 'A policy called brush already exists.');
  });

  it('refuses what is malformed, and says what is wrong', async () => {
    const bad = (PolicyDocument: string) => iam.send(new CreatePolicyCommand({ PolicyName: 'Bad', PolicyDocument }));
    await refused(bad('{'), 'MalformedPolicyDocumentException', 400, 'Syntax errors in policy.');
    await refused(bad(document(allow('GetObject'))), 'MalformedPolicyDocumentException', 400, 'prefaced by a vendor');
    await refused(
      bad(document({ ...allow('s3:*'), Principal: '*' })),
      'MalformedPolicyDocumentException',
      400,
      'principal',
    );
    await refused(bad(document(allow('s3:*', 'bucket'))), 'MalformedPolicyDocumentException', 400, 'ARN format');
    await refused(bad(document(allow('s3:*', 'x'.repeat(7000)))), 'LimitExceededException', 409, 'PolicySize: 6144');
    const badTrust = (AssumeRolePolicyDocument: string) => newRole('BadTrust', { AssumeRolePolicyDocument });
    await refused(badTrust(READ), 'MalformedPolicyDocumentException', 400, 'STS AssumeRole actions');
    await refused(
      badTrust(trust({ AWS: `arn:aws:iam::${ACCOUNT}:user/nobody` })),
      'MalformedPolicyDocumentException',
      400,
      `Invalid principal in policy: "AWS":"arn:aws:iam::${ACCOUNT}:user/nobody"`,
    );
    await refused(newRole('a b'), 'ValidationError', 400, /'rolename'/i);
    await refused(newRole('Long', { MaxSessionDuration: 60 }), 'ValidationError', 400, '3600');
    const attach = (PolicyArn: string) => iam.send(new AttachRolePolicyCommand({ RoleName: 'Painter', PolicyArn }));
    await refused(
      attach(`arn:aws:iam::${ACCOUNT}:policy/none`),
      'NoSuchEntityException',
      404,
      'does not exist or is not attachable',
    );
    await refused(attach('arn:aws:s3:::some-bucket-of-mine'), 'InvalidInputException', 400, 'is not valid');
    await refused(
      iam.send(
        new AttachRolePolicyCommand({ RoleName: 'none', PolicyArn: 'arn:aws:iam::aws:policy/AdministratorAccess' }),
      ),
      'NoSuchEntityException',
      404,
      'The role with name none cannot be found.',
    );
  });

  it('keeps inline policies of a role', async () => {
    const RoleName = 'Inline';
    await newRole(RoleName);
    await iam.send(new PutRolePolicyCommand({ RoleName, PolicyName: 'one', PolicyDocument: READ }));
    const read = await iam.send(new GetRolePolicyCommand({ RoleName, PolicyName: 'one' }));
    assert.equal(read.RoleName, RoleName);
    assert.equal(decodeURIComponent(read.PolicyDocument ?? ''), READ);
    assert.deepEqual((await iam.send(new ListRolePoliciesCommand({ RoleName }))).PolicyNames, ['one']);
    await refused(
      iam.send(new DeleteRoleCommand({ RoleName })),
      'DeleteConflictException',
      409,
      'must delete policies first',
    );
    await iam.send(new DeleteRolePolicyCommand({ RoleName, PolicyName: 'one' }));
    await refused(
      iam.send(new GetRolePolicyCommand({ RoleName, PolicyName: 'one' })),
      'NoSuchEntityException',
      404,
      'The role policy with name one cannot be found.',
    );
    await iam.send(new DeleteRoleCommand({ RoleName }));
  });

  it('keeps up to five versions of a policy, one of them the default', async () => {
    const PolicyArn = await newPolicy('Versions');
    const next = (SetAsDefault: boolean) =>
      iam.send(new CreatePolicyVersionCommand({ PolicyArn, PolicyDocument: document(allow('s3:*')), SetAsDefault }));
    assert.equal((await next(true)).PolicyVersion?.VersionId, 'v2');
    assert.equal((await iam.send(new GetPolicyCommand({ PolicyArn }))).Policy?.DefaultVersionId, 'v2');
    for (let version = 3; version <= 5; version++) await next(false);
    await refused(next(false), 'LimitExceededException', 409, 'up to 5 versions');
    const remove = (VersionId: string) => iam.send(new DeletePolicyVersionCommand({ PolicyArn, VersionId }));
    await refused(remove('v2'), 'DeleteConflictException', 409, 'default version');
    await refused(
      iam.send(new DeletePolicyCommand({ PolicyArn })),
      'DeleteConflictException',
      409,
      'more than one version',
    );
    await iam.send(new SetDefaultPolicyVersionCommand({ PolicyArn, VersionId: 'v1' }));
    for (const version of ['v2', 'v3', 'v4', 'v5']) await remove(version);
    await refused(remove('v2'), 'NoSuchEntityException', 404, 'v2');
    // Numbers are not used again.
    assert.equal((await next(false)).PolicyVersion?.VersionId, 'v6');
    const versions = (await iam.send(new ListPolicyVersionsCommand({ PolicyArn }))).Versions;
    assert.deepEqual(
      versions?.map(version => [version.VersionId, version.IsDefaultVersion]),
      [
        ['v6', false],
        ['v1', true],
      ],
    );
    const { PolicyVersion } = await iam.send(new GetPolicyVersionCommand({ PolicyArn, VersionId: 'v1' }));
    assert.equal(decodeURIComponent(PolicyVersion?.Document ?? ''), READ);
  });

  it('updates, tags and bounds a role', async () => {
    const RoleName = 'Changing';
    await newRole(RoleName, { Description: 'old', Path: '/teams/pets/' });
    await iam.send(new UpdateRoleCommand({ RoleName, Description: 'new', MaxSessionDuration: 7200 }));
    const everyone = trust({ AWS: ACCOUNT });
    await iam.send(new UpdateAssumeRolePolicyCommand({ RoleName, PolicyDocument: everyone }));
    await iam.send(
      new TagRoleCommand({
        RoleName,
        Tags: [
          { Key: 'a', Value: '1' },
          { Key: 'b', Value: '2' },
        ],
      }),
    );
    await iam.send(new UntagRoleCommand({ RoleName, TagKeys: ['a'] }));
    const PermissionsBoundary = 'arn:aws:iam::aws:policy/ReadOnlyAccess';
    await iam.send(new PutRolePermissionsBoundaryCommand({ RoleName, PermissionsBoundary }));
    const { Role } = await iam.send(new GetRoleCommand({ RoleName }));
    assert.equal(Role?.Arn, `arn:aws:iam::${ACCOUNT}:role/teams/pets/${RoleName}`);
    assert.equal(Role?.Description, 'new');
    assert.equal(Role?.MaxSessionDuration, 7200);
    assert.equal(decodeURIComponent(Role?.AssumeRolePolicyDocument ?? ''), everyone);
    assert.equal(Role?.PermissionsBoundary?.PermissionsBoundaryArn, PermissionsBoundary);
    assert.deepEqual((await iam.send(new ListRoleTagsCommand({ RoleName }))).Tags, [{ Key: 'b', Value: '2' }]);
    const below = await iam.send(new ListRolesCommand({ PathPrefix: '/teams/' }));
    assert.deepEqual(
      below.Roles?.map(role => role.RoleName),
      [RoleName],
    );
  });

  it('pages', async () => {
    for (let index = 0; index < 5; index++) await newRole(`page-${index}`, { Path: '/pages/' });
    const names: string[] = [];
    for await (const page of paginateListRoles({ client: iam, pageSize: 2 }, { PathPrefix: '/pages/' })) {
      assert.ok((page.Roles ?? []).length <= 2);
      names.push(...(page.Roles ?? []).map(role => role.RoleName ?? ''));
    }
    assert.deepEqual(names, ['page-0', 'page-1', 'page-2', 'page-3', 'page-4']);
    await refused(iam.send(new ListRolesCommand({ Marker: 'bm9uZQ' })), 'ValidationError', 400, 'Marker');
  });

  it('has the AWS-managed policies that this flow attaches, unchangeable', async () => {
    const { Policies = [] } = await iam.send(new ListPoliciesCommand({ Scope: 'AWS' }));
    const names = Policies.map(policy => policy.PolicyName);
    for (const name of ['AdministratorAccess', 'AmazonBedrockFullAccess', 'AmazonS3FullAccess', 'IAMFullAccess'])
      assert.ok(names.includes(name), name);
    const PolicyArn = 'arn:aws:iam::aws:policy/AmazonS3FullAccess';
    const { PolicyVersion } = await iam.send(new GetPolicyVersionCommand({ PolicyArn, VersionId: 'v1' }));
    assert.match(decodeURIComponent(PolicyVersion?.Document ?? ''), /s3:\*/);
    await refused(iam.send(new DeletePolicyCommand({ PolicyArn })), 'InvalidInputException', 400, 'AWS managed policy');
    await refused(
      iam.send(new GetPolicyCommand({ PolicyArn: 'arn:aws:iam::aws:policy/None' })),
      'NoSuchEntityException',
      404,
      'Policy arn:aws:iam::aws:policy/None was not found.',
    );
  });
});
