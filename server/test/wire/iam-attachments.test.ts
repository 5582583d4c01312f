import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import * as iam from '@aws-sdk/client-iam';
import {
  CreateBucketCommand,
  GetBucketAccelerateConfigurationCommand,
  GetBucketLoggingCommand,
  GetBucketNotificationConfigurationCommand,
} from '@aws-sdk/client-s3';
import { startServer, type TestServer } from '../support/server.ts';
import { allow, document, refused, trust } from './access-support.ts';

const PolicyDocument = document(allow('s3:GetObject'));
const PolicyName = 'inline';

describe('what is attached to IAM users, groups and roles', () => {
  let server: TestServer;
  let client: iam.IAMClient;
  let PolicyArn: string;
  before(async () => {
    server = await startServer();
    client = server.clients().iam;
    const made = await client.send(new iam.CreatePolicyCommand({ PolicyName: 'managed', PolicyDocument }));
    PolicyArn = made.Policy?.Arn ?? '';
    await client.send(new iam.CreateUserCommand({ UserName: 'ada' }));
    await client.send(new iam.CreateGroupCommand({ GroupName: 'team', Path: '/shop/' }));
    const AssumeRolePolicyDocument = trust('*');
    await client.send(new iam.CreateRoleCommand({ RoleName: 'runner', AssumeRolePolicyDocument }));
  });
  after(() => server.close());

  it('lists, shows and deletes the inline policies of a user, with the document encoded as in a URL', async () => {
    const UserName = 'ada';
    await client.send(new iam.PutUserPolicyCommand({ UserName, PolicyName, PolicyDocument }));
    assert.deepEqual((await client.send(new iam.ListUserPoliciesCommand({ UserName }))).PolicyNames, [PolicyName]);
    const shown = await client.send(new iam.GetUserPolicyCommand({ UserName, PolicyName }));
    assert.deepEqual([shown.UserName, shown.PolicyName], [UserName, PolicyName]);
    assert.deepEqual(JSON.parse(decodeURIComponent(shown.PolicyDocument ?? '')), JSON.parse(PolicyDocument));
    await client.send(new iam.DeleteUserPolicyCommand({ UserName, PolicyName }));
    const again = { UserName, PolicyName };
    await refused(client.send(new iam.DeleteUserPolicyCommand(again)), 'NoSuchEntityException', 404, PolicyName);
    await refused(client.send(new iam.GetUserPolicyCommand(again)), 'NoSuchEntityException', 404, PolicyName);
    assert.deepEqual((await client.send(new iam.ListUserPoliciesCommand({ UserName }))).PolicyNames, []);
  });

  it('lists, shows and deletes the inline policies of a group', async () => {
    const GroupName = 'team';
    await client.send(new iam.PutGroupPolicyCommand({ GroupName, PolicyName, PolicyDocument }));
    assert.deepEqual((await client.send(new iam.ListGroupPoliciesCommand({ GroupName }))).PolicyNames, [PolicyName]);
    const shown = await client.send(new iam.GetGroupPolicyCommand({ GroupName, PolicyName }));
    assert.deepEqual(JSON.parse(decodeURIComponent(shown.PolicyDocument ?? '')), JSON.parse(PolicyDocument));
    await client.send(new iam.DeleteGroupPolicyCommand({ GroupName, PolicyName }));
    const again = { GroupName, PolicyName };
    await refused(client.send(new iam.DeleteGroupPolicyCommand(again)), 'NoSuchEntityException', 404, PolicyName);
    await refused(client.send(new iam.GetGroupPolicyCommand(again)), 'NoSuchEntityException', 404, PolicyName);
    const nobody = new iam.ListGroupPoliciesCommand({ GroupName: 'nobody' });
    await refused(client.send(nobody), 'NoSuchEntityException', 404, 'nobody');
  });

  it('lists the managed policies of users and groups, below a path too, and lets go of them once', async () => {
    const [UserName, GroupName] = ['ada', 'team'];
    const attached = [{ PolicyName: 'managed', PolicyArn }];
    await client.send(new iam.AttachUserPolicyCommand({ UserName, PolicyArn }));
    await client.send(new iam.AttachGroupPolicyCommand({ GroupName, PolicyArn }));
    const ofUser = (PathPrefix?: string) =>
      client.send(new iam.ListAttachedUserPoliciesCommand({ UserName, PathPrefix }));
    assert.deepEqual((await ofUser()).AttachedPolicies, attached);
    assert.deepEqual((await ofUser('/other/')).AttachedPolicies, []);
    const ofGroup = () => client.send(new iam.ListAttachedGroupPoliciesCommand({ GroupName }));
    assert.deepEqual((await ofGroup()).AttachedPolicies, attached);
    await client.send(new iam.DetachGroupPolicyCommand({ GroupName, PolicyArn }));
    assert.deepEqual((await ofGroup()).AttachedPolicies, []);
    const again = new iam.DetachGroupPolicyCommand({ GroupName, PolicyArn });
    await refused(client.send(again), 'NoSuchEntityException', 404, PolicyArn);
    await client.send(new iam.DetachUserPolicyCommand({ UserName, PolicyArn }));
  });

  it('lists groups, below a path too', async () => {
    const names = async (PathPrefix?: string) =>
      (await client.send(new iam.ListGroupsCommand({ PathPrefix }))).Groups?.map(({ GroupName }) => GroupName);
    assert.deepEqual(await names(), ['team']);
    assert.deepEqual(await names('/shop/'), ['team']);
    assert.deepEqual(await names('/office/'), []);
    await refused(names('office'), 'ValidationError', 400, /pathPrefix/i);
  });

  it('takes the permissions boundary off users and roles', async () => {
    const [UserName, RoleName, PermissionsBoundary] = ['ada', 'runner', PolicyArn];
    await client.send(new iam.PutUserPermissionsBoundaryCommand({ UserName, PermissionsBoundary }));
    await client.send(new iam.PutRolePermissionsBoundaryCommand({ RoleName, PermissionsBoundary }));
    await client.send(new iam.DeleteUserPermissionsBoundaryCommand({ UserName }));
    await client.send(new iam.DeleteRolePermissionsBoundaryCommand({ RoleName }));
    const { User } = await client.send(new iam.GetUserCommand({ UserName }));
    const { Role } = await client.send(new iam.GetRoleCommand({ RoleName }));
    assert.deepEqual([User?.PermissionsBoundary, Role?.PermissionsBoundary], [undefined, undefined]);
    const absent = new iam.DeleteUserPermissionsBoundaryCommand({ UserName: 'nobody' });
    await refused(client.send(absent), 'NoSuchEntityException', 404, 'nobody');
  });

  it('tells a policy that is attached from one that bounds, and lists both unless asked for one', async () => {
    const [UserName, RoleName] = ['ada', 'runner'];
    const { Policy } = await client.send(new iam.CreatePolicyCommand({ PolicyName: 'fence', PolicyDocument }));
    const fence = Policy?.Arn ?? '';
    const ofAws = 'arn:aws:iam::aws:policy/PowerUserAccess';
    await client.send(new iam.AttachUserPolicyCommand({ UserName, PolicyArn: fence }));
    await client.send(new iam.PutUserPermissionsBoundaryCommand({ UserName, PermissionsBoundary: fence }));
    await client.send(new iam.PutRolePermissionsBoundaryCommand({ RoleName, PermissionsBoundary: fence }));
    const entities = async (PolicyUsageFilter?: iam.PolicyUsageType, more: object = {}) => {
      const input = { PolicyArn: fence, PolicyUsageFilter, ...more };
      const { PolicyUsers, PolicyRoles } = await client.send(new iam.ListEntitiesForPolicyCommand(input));
      return [PolicyUsers?.map(user => user.UserName), PolicyRoles?.map(role => role.RoleName)];
    };
    assert.deepEqual(await entities('PermissionsPolicy'), [['ada'], []]);
    assert.deepEqual(await entities('PermissionsBoundary'), [['ada'], ['runner']]);
    assert.deepEqual(await entities('PermissionsBoundary', { EntityFilter: 'Role' }), [[], ['runner']]);
    assert.deepEqual(await entities(), [['ada'], ['runner']]);

    const names = async (input: iam.ListPoliciesCommandInput) =>
      (await client.send(new iam.ListPoliciesCommand(input))).Policies?.map(policy => policy.PolicyName);
    await client.send(new iam.DetachUserPolicyCommand({ UserName, PolicyArn: fence }));
    await client.send(new iam.PutUserPermissionsBoundaryCommand({ UserName, PermissionsBoundary: ofAws }));
    assert.deepEqual(await names({ PolicyUsageFilter: 'PermissionsBoundary' }), ['fence', 'PowerUserAccess']);
    assert.deepEqual(await names({ PolicyUsageFilter: 'PermissionsBoundary', Scope: 'Local' }), ['fence']);
    assert.deepEqual(await names({ PolicyUsageFilter: 'PermissionsPolicy' }), []);
    assert.deepEqual(await names({ OnlyAttached: true }), []);
    await client.send(new iam.DeleteUserPermissionsBoundaryCommand({ UserName }));
    await client.send(new iam.DeleteRolePermissionsBoundaryCommand({ RoleName }));
  });

  it('tags users and policies, changes a tag by its key, and takes tags off', async () => {
    const tags = (...pairs: [string, string][]) => pairs.map(([Key, Value]) => ({ Key, Value }));
    const UserName = 'ada';
    await client.send(new iam.TagUserCommand({ UserName, Tags: tags(['team', 'pets'], ['floor', '2']) }));
    await client.send(new iam.TagUserCommand({ UserName, Tags: tags(['floor', '3']) }));
    const ofUser = async () => (await client.send(new iam.ListUserTagsCommand({ UserName }))).Tags;
    const byKey = (found: iam.Tag[] = []) => Object.fromEntries(found.map(({ Key, Value }) => [Key, Value]));
    assert.deepEqual(byKey(await ofUser()), { team: 'pets', floor: '3' });
    await client.send(new iam.UntagUserCommand({ UserName, TagKeys: ['floor', 'not there'] }));
    assert.deepEqual(await ofUser(), tags(['team', 'pets']));

    await client.send(new iam.TagPolicyCommand({ PolicyArn, Tags: tags(['team', 'pets'], ['floor', '2']) }));
    await client.send(new iam.UntagPolicyCommand({ PolicyArn, TagKeys: ['floor'] }));
    const ofPolicy = await client.send(new iam.ListPolicyTagsCommand({ PolicyArn }));
    assert.deepEqual(ofPolicy.Tags, tags(['team', 'pets']));
    // AWS: of a policy the case of a key counts, of a user it does not.
    await client.send(new iam.TagPolicyCommand({ PolicyArn, Tags: tags(['Team', 'birds'], ['TEAM', 'fish']) }));
    await client.send(new iam.UntagPolicyCommand({ PolicyArn, TagKeys: ['TEAM'] }));
    const cased = await client.send(new iam.ListPolicyTagsCommand({ PolicyArn }));
    assert.deepEqual(byKey(cased.Tags), { team: 'pets', Team: 'birds' });
    const twice = new iam.TagPolicyCommand({ PolicyArn, Tags: tags(['a', '1'], ['a', '2']) });
    await refused(client.send(twice), 'InvalidInputException', 400, 'Duplicate tag keys');
    await client.send(new iam.TagUserCommand({ UserName, Tags: tags(['Team', 'birds']) }));
    assert.deepEqual(await ofUser(), tags(['Team', 'birds']));
    const reserved = new iam.TagPolicyCommand({ PolicyArn, Tags: tags(['aws:team', 'pets']) });
    await refused(client.send(reserved), 'InvalidInputException', 400, 'aws:');
    const absent = new iam.ListPolicyTagsCommand({ PolicyArn: `${PolicyArn}-gone` });
    await refused(client.send(absent), 'NoSuchEntityException', 404);
  });
});

describe('what Terraform reads of every bucket', () => {
  it('is empty where nothing was set', async () => {
    const server = await startServer();
    try {
      const { s3 } = server.clients();
      const Bucket = 'as-it-was-made';
      await s3.send(new CreateBucketCommand({ Bucket }));
      assert.equal((await s3.send(new GetBucketAccelerateConfigurationCommand({ Bucket }))).Status, undefined);
      assert.equal((await s3.send(new GetBucketLoggingCommand({ Bucket }))).LoggingEnabled, undefined);
      const told = await s3.send(new GetBucketNotificationConfigurationCommand({ Bucket }));
      assert.deepEqual([told.TopicConfigurations, told.QueueConfigurations], [undefined, undefined]);
      const absent = new GetBucketLoggingCommand({ Bucket: 'nobodys-bucket' });
      await refused(s3.send(absent), 'NoSuchBucket', 404);
    } finally {
      await server.close();
    }
  });
});
