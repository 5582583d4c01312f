import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
  AddUserToGroupCommand,
  AttachUserPolicyCommand,
  CreateAccessKeyCommand,
  CreateGroupCommand,
  CreateSAMLProviderCommand,
  CreateUserCommand,
  DeleteAccessKeyCommand,
  DeleteGroupCommand,
  DeleteUserCommand,
  DetachUserPolicyCommand,
  GetAccessKeyLastUsedCommand,
  GetGroupCommand,
  GetUserCommand,
  type IAMClient,
  ListAccessKeysCommand,
  ListGroupsForUserCommand,
  ListUsersCommand,
  PutGroupPolicyCommand,
  RemoveUserFromGroupCommand,
  UpdateAccessKeyCommand,
  UpdateUserCommand,
} from '@aws-sdk/client-iam';
import { GetCallerIdentityCommand } from '@aws-sdk/client-sts';
import { ACCOUNT, ROOT, startServer, type TestServer } from '../support/server.ts';
import { allow, document, makeUser, refused } from './access-support.ts';

describe('IAM users and access keys', () => {
  let server: TestServer;
  let iam: IAMClient;
  before(async () => {
    server = await startServer();
    ({ iam } = server.clients());
  });
  after(() => server.close());

  it('makes, renames and deletes a user', async () => {
    const { User } = await iam.send(new CreateUserCommand({ UserName: 'Ron', Path: '/dogs/' }));
    assert.equal(User?.Arn, `arn:aws:iam::${ACCOUNT}:user/dogs/Ron`);
    assert.match(User?.UserId ?? '', /^AIDA[A-Z0-9]{17}$/);
    await refused(
      iam.send(new CreateUserCommand({ UserName: 'ron' })),
      'EntityAlreadyExistsException',
      409,
      'User with name ron already exists.',
    );
    await iam.send(new UpdateUserCommand({ UserName: 'Ron', NewUserName: 'Rex', NewPath: '/' }));
    assert.equal((await iam.send(new GetUserCommand({ UserName: 'Rex' }))).User?.UserId, User?.UserId);
    await refused(
      iam.send(new GetUserCommand({ UserName: 'Ron' })),
      'NoSuchEntityException',
      404,
      'The user with name Ron cannot be found.',
    );
    assert.deepEqual(
      (await iam.send(new ListUsersCommand({}))).Users?.map(user => user.UserName),
      ['Rex'],
    );
    await iam.send(new DeleteUserCommand({ UserName: 'Rex' }));
    await refused(
      iam.send(new DeleteUserCommand({ UserName: 'Rex' })),
      'NoSuchEntityException',
      404,
      'cannot be found',
    );
  });

  it('takes a user for the caller where no name is given', async () => {
    const credentials = await makeUser(server, 'self', allow('iam:*'));
    const mine = server.clients({ credentials });
    assert.equal((await mine.iam.send(new GetUserCommand({}))).User?.UserName, 'self');
    assert.equal((await iam.send(new GetUserCommand({}))).User?.Arn, `arn:aws:iam::${ACCOUNT}:root`);
    const keys = (await mine.iam.send(new ListAccessKeysCommand({}))).AccessKeyMetadata;
    assert.deepEqual(
      keys?.map(key => key.AccessKeyId),
      [credentials.accessKeyId],
    );
  });

  it('gives a user two access keys, no more, and lets them be switched off', async () => {
    const first = await makeUser(server, 'keys');
    const second = (await iam.send(new CreateAccessKeyCommand({ UserName: 'keys' }))).AccessKey;
    assert.match(second?.AccessKeyId ?? '', /^AKIA[A-Z0-9]{16}$/);
    assert.match(second?.SecretAccessKey ?? '', /^[A-Za-z0-9/+]{40}$/);
    await refused(
      iam.send(new CreateAccessKeyCommand({ UserName: 'keys' })),
      'LimitExceededException',
      409,
      'AccessKeysPerUser: 2',
    );
    await refused(
      iam.send(new DeleteUserCommand({ UserName: 'keys' })),
      'DeleteConflictException',
      409,
      'must delete access keys first',
    );

    const { sts } = server.clients({ credentials: first });
    assert.equal((await sts.send(new GetCallerIdentityCommand({}))).Arn, `arn:aws:iam::${ACCOUNT}:user/keys`);
    const AccessKeyId = first.accessKeyId;
    const used = await iam.send(new GetAccessKeyLastUsedCommand({ AccessKeyId }));
    assert.equal(used.UserName, 'keys');
    // AWS: whether anybody has a key is not told.
    const unknown = new GetAccessKeyLastUsedCommand({ AccessKeyId: 'AKIAAAAAAAAAAAAAAAAA' });
    await refused(iam.send(unknown), 'AccessDenied', 403, 'iam:GetAccessKeyLastUsed');
    await iam.send(new UpdateAccessKeyCommand({ UserName: 'keys', AccessKeyId, Status: 'Inactive' }));
    await refused(sts.send(new GetCallerIdentityCommand({})), 'InvalidClientTokenId', 403);
    await iam.send(new UpdateAccessKeyCommand({ UserName: 'keys', AccessKeyId, Status: 'Active' }));
    await sts.send(new GetCallerIdentityCommand({}));
    await iam.send(new DeleteAccessKeyCommand({ UserName: 'keys', AccessKeyId }));
    await refused(sts.send(new GetCallerIdentityCommand({})), 'InvalidClientTokenId', 403);
    await refused(
      iam.send(new DeleteAccessKeyCommand({ UserName: 'keys', AccessKeyId })),
      'NoSuchEntityException',
      404,
      `The Access Key with id ${AccessKeyId} cannot be found.`,
    );
  });

  it('does not let go of the root key that the settings fix', async () => {
    await refused(
      iam.send(new DeleteAccessKeyCommand({ AccessKeyId: ROOT.accessKeyId })),
      'DeleteConflictException',
      409,
      'LIKENESS_ROOT_ACCESS_KEY_ID',
    );
  });

  it('gives the members of a group its policies', async () => {
    const credentials = await makeUser(server, 'member');
    const mine = server.clients({ credentials });
    await refused(mine.iam.send(new ListUsersCommand({})), 'AccessDenied', 403);
    await iam.send(new CreateGroupCommand({ GroupName: 'readers' }));
    await iam.send(
      new PutGroupPolicyCommand({
        GroupName: 'readers',
        PolicyName: 'p',
        PolicyDocument: document(allow('iam:List*')),
      }),
    );
    await iam.send(new AddUserToGroupCommand({ GroupName: 'readers', UserName: 'member' }));
    await mine.iam.send(new ListUsersCommand({}));
    const { Groups } = await iam.send(new ListGroupsForUserCommand({ UserName: 'member' }));
    assert.deepEqual(
      Groups?.map(group => group.GroupName),
      ['readers'],
    );
    const { Users } = await iam.send(new GetGroupCommand({ GroupName: 'readers' }));
    assert.deepEqual(
      Users?.map(user => user.UserName),
      ['member'],
    );
    await refused(
      iam.send(new DeleteGroupCommand({ GroupName: 'readers' })),
      'DeleteConflictException',
      409,
      'remove users',
    );
    await iam.send(new RemoveUserFromGroupCommand({ GroupName: 'readers', UserName: 'member' }));
    await refused(mine.iam.send(new ListUsersCommand({})), 'AccessDenied', 403);
  });

  it('holds a change of policy at once', async () => {
    const credentials = await makeUser(server, 'admin');
    const mine = server.clients({ credentials });
    const PolicyArn = 'arn:aws:iam::aws:policy/IAMReadOnlyAccess';
    await refused(
      mine.iam.send(new GetUserCommand({ UserName: 'admin' })),
      'AccessDenied',
      403,
      `User: arn:aws:iam::${ACCOUNT}:user/admin is not authorized to perform: iam:GetUser on resource: arn:aws:iam::${ACCOUNT}:user/admin because no identity-based policy allows the iam:GetUser action`,
    );
    await iam.send(new AttachUserPolicyCommand({ UserName: 'admin', PolicyArn }));
    await mine.iam.send(new GetUserCommand({ UserName: 'admin' }));
    await refused(mine.iam.send(new CreateUserCommand({ UserName: 'x' })), 'AccessDenied', 403, 'iam:CreateUser');
    await iam.send(new DetachUserPolicyCommand({ UserName: 'admin', PolicyArn }));
    await refused(mine.iam.send(new GetUserCommand({ UserName: 'admin' })), 'AccessDenied', 403);
  });

  it('names what it does not implement', async () => {
    const create = new CreateSAMLProviderCommand({ Name: 'x', SAMLMetadataDocument: 'x'.repeat(1000) });
    await assert.rejects(iam.send(create), /CreateSAMLProvider/);
  });
});
