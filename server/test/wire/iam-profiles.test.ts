import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
  AddRoleToInstanceProfileCommand,
  AddUserToGroupCommand,
  AttachUserPolicyCommand,
  CreateAccountAliasCommand,
  CreateGroupCommand,
  CreateInstanceProfileCommand,
  CreatePolicyCommand,
  CreateRoleCommand,
  CreateUserCommand,
  DeleteAccountAliasCommand,
  DeleteInstanceProfileCommand,
  DeleteRoleCommand,
  GetAccountAuthorizationDetailsCommand,
  GetAccountSummaryCommand,
  GetGroupCommand,
  GetInstanceProfileCommand,
  ListAccountAliasesCommand,
  ListInstanceProfilesCommand,
  ListInstanceProfilesForRoleCommand,
  ListInstanceProfileTagsCommand,
  ListMFADevicesCommand,
  ListOpenIDConnectProvidersCommand,
  ListSAMLProvidersCommand,
  ListServerCertificatesCommand,
  ListSigningCertificatesCommand,
  ListSSHPublicKeysCommand,
  ListUsersCommand,
  ListVirtualMFADevicesCommand,
  paginateListUsers,
  RemoveRoleFromInstanceProfileCommand,
  TagInstanceProfileCommand,
  UntagInstanceProfileCommand,
  UpdateGroupCommand,
  UpdateRoleDescriptionCommand,
} from '@aws-sdk/client-iam';
import { ACCOUNT, type Credentials, startServer, type TestClients, type TestServer } from '../support/server.ts';
import { allow, document, makeOtherAccount, refused, trust } from './access-support.ts';

describe('IAM: instance profiles, aliases and lists', () => {
  let server: TestServer;
  let iam: TestClients['iam'];
  let outsider: Credentials;

  before(async () => {
    server = await startServer();
    ({ iam } = server.clients());
    outsider = await makeOtherAccount(server);
    const AssumeRolePolicyDocument = trust({ Service: 'ec2.amazonaws.com' });
    for (const RoleName of ['web', 'batch'])
      await iam.send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument }));
  });
  after(() => server.close());

  it('keeps an instance profile with one role, as Terraform makes it', async () => {
    const InstanceProfileName = 'web-profile';
    const { InstanceProfile } = await iam.send(
      new CreateInstanceProfileCommand({ InstanceProfileName, Path: '/app/', Tags: [{ Key: 'team', Value: 'a' }] }),
    );
    assert.equal(InstanceProfile?.Arn, `arn:aws:iam::${ACCOUNT}:instance-profile/app/web-profile`);
    assert.match(InstanceProfile?.InstanceProfileId ?? '', /^AIPA[A-Z0-9]{17}$/);
    await refused(
      iam.send(new CreateInstanceProfileCommand({ InstanceProfileName: 'WEB-profile' })),
      'EntityAlreadyExistsException',
      409,
    );
    const add = (RoleName: string) => iam.send(new AddRoleToInstanceProfileCommand({ InstanceProfileName, RoleName }));
    await refused(add('nobody'), 'NoSuchEntityException', 404);
    await add('web');
    await refused(add('batch'), 'LimitExceededException', 409);
    const shown = await iam.send(new GetInstanceProfileCommand({ InstanceProfileName }));
    assert.deepEqual(
      shown.InstanceProfile?.Roles?.map(role => role.RoleName),
      ['web'],
    );
    const ofRole = await iam.send(new ListInstanceProfilesForRoleCommand({ RoleName: 'web' }));
    assert.equal(ofRole.InstanceProfiles?.[0]?.InstanceProfileName, InstanceProfileName);
    const below = await iam.send(new ListInstanceProfilesCommand({ PathPrefix: '/other/' }));
    assert.deepEqual(below.InstanceProfiles, []);
    await refused(
      iam.send(new DeleteRoleCommand({ RoleName: 'web' })),
      'DeleteConflictException',
      409,
      'instance profile',
    );
    const remove = new DeleteInstanceProfileCommand({ InstanceProfileName });
    await refused(iam.send(remove), 'DeleteConflictException', 409);
    const takeOut = () => iam.send(new RemoveRoleFromInstanceProfileCommand({ InstanceProfileName, RoleName: 'web' }));
    await takeOut();
    await refused(takeOut(), 'NoSuchEntityException', 404);
    await iam.send(remove);
    await refused(iam.send(remove), 'NoSuchEntityException', 404, 'Instance Profile web-profile cannot be found');
  });

  it('tags instance profiles', async () => {
    const InstanceProfileName = 'tagged';
    await iam.send(new CreateInstanceProfileCommand({ InstanceProfileName, Tags: [{ Key: 'a', Value: '1' }] }));
    await iam.send(new TagInstanceProfileCommand({ InstanceProfileName, Tags: [{ Key: 'b', Value: '2' }] }));
    await iam.send(new UntagInstanceProfileCommand({ InstanceProfileName, TagKeys: ['a'] }));
    const { Tags } = await iam.send(new ListInstanceProfileTagsCommand({ InstanceProfileName }));
    assert.deepEqual(Tags, [{ Key: 'b', Value: '2' }]);
  });

  it('gives an account one alias, which no other account has', async () => {
    const other = server.clients({ credentials: outsider }).iam;
    await iam.send(new CreateAccountAliasCommand({ AccountAlias: 'studio' }));
    await refused(
      other.send(new CreateAccountAliasCommand({ AccountAlias: 'studio' })),
      'EntityAlreadyExistsException',
      409,
    );
    await iam.send(new CreateAccountAliasCommand({ AccountAlias: 'studio-two' }));
    assert.deepEqual((await iam.send(new ListAccountAliasesCommand({}))).AccountAliases, ['studio-two']);
    await refused(iam.send(new DeleteAccountAliasCommand({ AccountAlias: 'studio' })), 'NoSuchEntityException', 404);
    await iam.send(new DeleteAccountAliasCommand({ AccountAlias: 'studio-two' }));
    assert.deepEqual((await iam.send(new ListAccountAliasesCommand({}))).AccountAliases, []);
    await refused(iam.send(new CreateAccountAliasCommand({ AccountAlias: 'Not_Valid' })), 'ValidationError', 400);
  });

  it('renames a group with its members, and describes a role anew', async () => {
    await iam.send(new CreateGroupCommand({ GroupName: 'writers' }));
    await iam.send(new CreateGroupCommand({ GroupName: 'readers' }));
    await iam.send(new CreateUserCommand({ UserName: 'wanda' }));
    await iam.send(new AddUserToGroupCommand({ GroupName: 'writers', UserName: 'wanda' }));
    await refused(
      iam.send(new UpdateGroupCommand({ GroupName: 'writers', NewGroupName: 'Readers' })),
      'EntityAlreadyExistsException',
      409,
    );
    await iam.send(new UpdateGroupCommand({ GroupName: 'writers', NewGroupName: 'authors', NewPath: '/press/' }));
    const { Group, Users } = await iam.send(new GetGroupCommand({ GroupName: 'authors' }));
    assert.equal(Group?.Arn, `arn:aws:iam::${ACCOUNT}:group/press/authors`);
    assert.equal(Users?.[0]?.UserName, 'wanda');
    await refused(iam.send(new GetGroupCommand({ GroupName: 'writers' })), 'NoSuchEntityException', 404);
    const { Role } = await iam.send(new UpdateRoleDescriptionCommand({ RoleName: 'batch', Description: 'nightly' }));
    assert.equal(Role?.Description, 'nightly');
  });

  it('pages users in the order of their names, whatever their case, within a path', async () => {
    for (const UserName of ['Zoe', 'adam', 'Eva', 'bob'])
      await iam.send(new CreateUserCommand({ UserName, Path: '/page/' }));
    const names: string[] = [];
    for await (const page of paginateListUsers({ client: iam, pageSize: 1 }, { PathPrefix: '/page/' }))
      names.push(...(page.Users ?? []).map(user => user.UserName ?? ''));
    assert.deepEqual(names, ['adam', 'bob', 'Eva', 'Zoe']);
    await refused(iam.send(new ListUsersCommand({ Marker: 'not-ours' })), 'ValidationError', 400);
  });

  it('lists what cannot be made here as empty, for a user that exists', async () => {
    assert.deepEqual((await iam.send(new ListMFADevicesCommand({ UserName: 'wanda' }))).MFADevices, []);
    assert.deepEqual((await iam.send(new ListMFADevicesCommand({}))).MFADevices, []);
    assert.deepEqual((await iam.send(new ListSSHPublicKeysCommand({ UserName: 'wanda' }))).SSHPublicKeys, []);
    assert.deepEqual((await iam.send(new ListSigningCertificatesCommand({ UserName: 'wanda' }))).Certificates, []);
    assert.deepEqual((await iam.send(new ListVirtualMFADevicesCommand({}))).VirtualMFADevices, []);
    assert.deepEqual((await iam.send(new ListSAMLProvidersCommand({}))).SAMLProviderList, []);
    assert.deepEqual((await iam.send(new ListOpenIDConnectProvidersCommand({}))).OpenIDConnectProviderList, []);
    assert.deepEqual((await iam.send(new ListServerCertificatesCommand({}))).ServerCertificateMetadataList, []);
    await refused(iam.send(new ListMFADevicesCommand({ UserName: 'nobody' })), 'NoSuchEntityException', 404);
  });

  it('tells auditing tools all of an account', async () => {
    const { Policy } = await iam.send(
      new CreatePolicyCommand({ PolicyName: 'look', PolicyDocument: document(allow('s3:Get*')) }),
    );
    await iam.send(new AttachUserPolicyCommand({ UserName: 'wanda', PolicyArn: Policy?.Arn }));
    const all = await iam.send(new GetAccountAuthorizationDetailsCommand({}));
    const wanda = all.UserDetailList?.find(user => user.UserName === 'wanda');
    assert.deepEqual(wanda?.GroupList, ['authors']);
    assert.equal(wanda?.AttachedManagedPolicies?.[0]?.PolicyName, 'look');
    assert.ok(all.RoleDetailList?.some(role => role.RoleName === 'batch'));
    const look = all.Policies?.find(policy => policy.PolicyName === 'look');
    assert.match(decodeURIComponent(look?.PolicyVersionList?.[0]?.Document ?? ''), /s3:Get/);
    // Page by page, over the borders between kinds, it is the same.
    const found: unknown[] = [];
    let Marker: string | undefined;
    do {
      const page = await iam.send(new GetAccountAuthorizationDetailsCommand({ MaxItems: 1, Marker }));
      const lists = [page.GroupDetailList, page.Policies, page.RoleDetailList, page.UserDetailList];
      found.push(...lists.flatMap(list => list?.map(({ Arn }) => Arn) ?? []));
      ({ Marker } = page);
    } while (Marker !== undefined);
    const whole = [all.GroupDetailList, all.Policies, all.RoleDetailList, all.UserDetailList];
    assert.deepEqual(
      found,
      whole.flatMap(list => list?.map(({ Arn }) => Arn) ?? []),
    );
    const roles = await iam.send(new GetAccountAuthorizationDetailsCommand({ Filter: ['Role'], MaxItems: 1 }));
    assert.deepEqual([roles.RoleDetailList?.length, roles.UserDetailList?.length, roles.IsTruncated], [1, 0, true]);
    const { SummaryMap } = await iam.send(new GetAccountSummaryCommand({}));
    assert.equal(SummaryMap?.InstanceProfiles, 1);
    assert.equal(SummaryMap?.Groups, 2);
  });
});
