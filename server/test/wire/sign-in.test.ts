import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
  ChangePasswordCommand,
  CreateAccountAliasCommand,
  CreateLoginProfileCommand,
  DeleteAccountPasswordPolicyCommand,
  DeleteLoginProfileCommand,
  DeleteUserCommand,
  GetAccountPasswordPolicyCommand,
  GetLoginProfileCommand,
  UpdateAccountPasswordPolicyCommand,
  UpdateLoginProfileCommand,
} from '@aws-sdk/client-iam';
import { GetCallerIdentityCommand } from '@aws-sdk/client-sts';
import { systemTime } from '../../src/adapters/system.ts';
import { callRoute } from '../support/routes.ts';
import { ACCOUNT, type Credentials, startServer, type TestClients, type TestServer } from '../support/server.ts';
import { allow, makeUser, refused } from './access-support.ts';

const PASSWORD = 'Correct-Horse-7';

describe('passwords and signing in', () => {
  let server: TestServer;
  let iam: TestClients['iam'];
  let ada: Credentials;
  let ahead = 0;
  const time = { ...systemTime(), now: () => new Date(Date.now() + ahead) };

  before(async () => {
    server = await startServer({ overrides: { time } });
    ({ iam } = server.clients());
    ada = await makeUser(server, 'ada', allow('s3:ListAllMyBuckets'));
    await iam.send(new CreateLoginProfileCommand({ UserName: 'ada', Password: PASSWORD }));
  });
  after(() => server.close());

  const post = (path: string, body: object) => callRoute(server, 'POST', path, { body, credentials: null });
  const signIn = (more: object = {}) =>
    post('/sign-in', { account: ACCOUNT, userName: 'ada', password: PASSWORD, ...more });
  const later = async (milliseconds: number, run: () => Promise<void>) => {
    ahead += milliseconds;
    await run().finally(() => {
      ahead -= milliseconds;
    });
  };

  it('a user signs in with the password and has the rights of the user', async () => {
    const { status, json } = await signIn({ durationSeconds: 7200 });
    assert.equal(status, 200, JSON.stringify(json));
    assert.deepEqual([json.accountId, json.userName], [ACCOUNT, 'ada']);
    const hours = (Date.parse(json.credentials.expiration) - Date.now()) / 3_600_000;
    assert.ok(hours > 1.9 && hours <= 2, `${hours}`);
    const { accessKeyId, secretAccessKey, sessionToken } = json.credentials;
    const { sts, iam: own } = server.clients({ credentials: { accessKeyId, secretAccessKey, sessionToken } });
    assert.equal((await sts.send(new GetCallerIdentityCommand({}))).Arn, `arn:aws:iam::${ACCOUNT}:user/ada`);
    await refused(own.send(new GetLoginProfileCommand({ UserName: 'ada' })), 'AccessDenied', 403);
  });

  it('an alias stands for the account', async () => {
    await iam.send(new CreateAccountAliasCommand({ AccountAlias: 'atelier' }));
    assert.equal((await signIn({ account: 'atelier' })).status, 200);
  });

  it('nobody learns whether the account, the user or the password is wrong', async () => {
    const answers = [
      await signIn({ password: 'wrong' }),
      await signIn({ userName: 'nobody' }),
      await signIn({ account: '999999999999' }),
      await signIn({ account: 'no-such-alias' }),
    ];
    for (const { status, json } of answers)
      assert.deepEqual([status, json.__type, json.message], [403, 'AccessDeniedException', answers[0]?.json.message]);
    for (const body of [{ password: 1 }, { durationSeconds: 60 }, { durationSeconds: 50_000 }, { userName: '' }])
      assert.equal((await signIn(body)).status, 400, JSON.stringify(body));
  });

  it('is refreshed without the password for twelve hours, until the password changes', async () => {
    const { json } = await signIn();
    const { refreshToken } = json;
    await later(11.5 * 3_600_000, async () => {
      const again = await post('/sign-in/refresh', { refreshToken, durationSeconds: 43_200 });
      assert.equal(again.status, 200);
      assert.equal(again.json.credentials.expiration, again.json.refreshableUntil);
    });
    await later(12.1 * 3_600_000, async () =>
      assert.equal((await post('/sign-in/refresh', { refreshToken })).status, 403),
    );
    assert.equal((await post('/sign-in/refresh', { refreshToken: `${refreshToken}x` })).status, 403);
    await later(60_000, async () => {
      await iam.send(new UpdateLoginProfileCommand({ UserName: 'ada', Password: `${PASSWORD}!` }));
      assert.equal((await post('/sign-in/refresh', { refreshToken })).status, 403);
      await iam.send(new UpdateLoginProfileCommand({ UserName: 'ada', Password: PASSWORD }));
    });
  });

  it('a password that must be reset is changed on the way in', async () => {
    await makeUser(server, 'newcomer');
    await iam.send(
      new CreateLoginProfileCommand({ UserName: 'newcomer', Password: PASSWORD, PasswordResetRequired: true }),
    );
    const mustChange = await signIn({ userName: 'newcomer' });
    assert.deepEqual([mustChange.status, mustChange.json.__type], [403, 'PasswordResetRequiredException']);
    const weak = await signIn({ userName: 'newcomer', newPassword: 'short' });
    assert.deepEqual([weak.status, weak.json.__type], [400, 'PasswordPolicyViolation']);
    const same = await signIn({ userName: 'newcomer', newPassword: PASSWORD });
    assert.deepEqual([same.status, same.json.__type], [400, 'PasswordPolicyViolation']);
    assert.match(same.json.message, /choose another one/);
    assert.equal((await signIn({ userName: 'newcomer' })).status, 403, 'it must still be changed');
    assert.equal((await signIn({ userName: 'newcomer', newPassword: 'Another-Horse-8' })).status, 200);
    assert.equal((await signIn({ userName: 'newcomer', password: 'Another-Horse-8' })).status, 200);
  });

  it("login profiles and the account's password policy answer as AWS's do", async () => {
    const make = (Password: string) => iam.send(new CreateLoginProfileCommand({ UserName: 'ada', Password }));
    await refused(make(PASSWORD), 'EntityAlreadyExistsException', 409);
    await refused(make('alllowercase'), 'PasswordPolicyViolationException', 400);
    await refused(iam.send(new GetAccountPasswordPolicyCommand({})), 'NoSuchEntityException', 404);
    await iam.send(
      new UpdateAccountPasswordPolicyCommand({
        MinimumPasswordLength: 12,
        RequireNumbers: true,
        PasswordReusePrevention: 2,
        MaxPasswordAge: 90,
      }),
    );
    const { PasswordPolicy } = await iam.send(new GetAccountPasswordPolicyCommand({}));
    assert.deepEqual(PasswordPolicy, {
      MinimumPasswordLength: 12,
      RequireSymbols: false,
      RequireNumbers: true,
      RequireUppercaseCharacters: false,
      RequireLowercaseCharacters: false,
      AllowUsersToChangePassword: false,
      ExpirePasswords: true,
      MaxPasswordAge: 90,
      PasswordReusePrevention: 2,
      HardExpiry: false,
    });
    const own = server.clients({ credentials: ada }).iam;
    const change = (OldPassword: string, NewPassword: string) =>
      own.send(new ChangePasswordCommand({ OldPassword, NewPassword }));
    await refused(change(PASSWORD, 'another-password-1'), 'AccessDenied', 403, 'iam:ChangePassword');
    await iam.send(
      new UpdateAccountPasswordPolicyCommand({ AllowUsersToChangePassword: true, PasswordReusePrevention: 2 }),
    );
    await refused(change('wrong', 'another-password-1'), 'AccessDenied', 403, 'old password');
    await refused(change(PASSWORD, PASSWORD), 'PasswordPolicyViolationException', 400);
    await change(PASSWORD, 'another-password-1');
    await iam.send(new DeleteAccountPasswordPolicyCommand({}));
    await refused(iam.send(new DeleteAccountPasswordPolicyCommand({})), 'NoSuchEntityException', 404);
    await refused(
      iam.send(new DeleteUserCommand({ UserName: 'ada' })),
      'DeleteConflictException',
      409,
      'login profile',
    );
    await iam.send(new DeleteLoginProfileCommand({ UserName: 'ada' }));
    await refused(
      iam.send(new GetLoginProfileCommand({ UserName: 'ada' })),
      'NoSuchEntityException',
      404,
      'Login Profile',
    );
    assert.equal((await signIn({ password: 'another-password-1' })).status, 403);
  });

  it('the link of a start signs in the root user, once, and says how to get another', async () => {
    const exchange = (body: object) => post('/sign-in-link', body);
    const token = server.signInToken;
    assert.equal((await exchange({ token: 7 })).status, 400);
    assert.equal((await exchange({ token, durationSeconds: 1 })).status, 400);
    const answers = await Promise.all([1, 2, 3].map(() => exchange({ token })));
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 403, 403]);
    const given = answers.find(({ status }) => status === 200);
    const { accessKeyId, secretAccessKey, sessionToken } = given?.json.credentials ?? {};
    const { sts } = server.clients({ credentials: { accessKeyId, secretAccessKey, sessionToken } });
    assert.equal((await sts.send(new GetCallerIdentityCommand({}))).Arn, `arn:aws:iam::${ACCOUNT}:root`);
    const used = await exchange({ token });
    assert.deepEqual([used.status, used.json.__type], [403, 'ExpiredTokenException']);
    assert.match(used.json.message, /npx --no-install likeness sign-in/);
    assert.deepEqual((await exchange({ token: 'made-up' })).json, used.json);
  });

  it('the root key makes further links, and nobody else does: not an administrator, not a session of the root user', async () => {
    const create = (credentials?: Credentials | null) =>
      callRoute(server, 'POST', '/sign-in-links', credentials === undefined ? {} : { credentials });
    const made = await create();
    assert.equal(made.status, 201, JSON.stringify(made.json));
    const signedIn = await post('/sign-in-link', { token: made.json.token });
    assert.equal(signedIn.status, 200);
    const { expiration: _, ...session } = signedIn.json.credentials;
    const administrator = await makeUser(server, 'administrator', allow('*'));
    for (const credentials of [session, administrator, null]) {
      const refusal = await create(credentials);
      assert.equal(refusal.status, 403, JSON.stringify(refusal.json));
    }
    assert.match((await create(administrator)).json.message, /Only an access key of the root user makes sign-in links/);
  });

  it('a link that is too old opens nothing, and the next start makes another', async () => {
    const first = await startServer({ overrides: { time } });
    const body = { token: first.signInToken };
    await later(16 * 60_000, async () => {
      const { status } = await callRoute(first, 'POST', '/sign-in-link', { body, credentials: null });
      assert.equal(status, 403);
    });
    await first.close({ keepData: true });
    const second = await startServer({ dataDirectory: first.dataDirectory });
    const another = { token: second.signInToken };
    const { status } = await callRoute(second, 'POST', '/sign-in-link', { body: another, credentials: null });
    assert.equal(status, 200);
    await second.close();
  });

  it('too many tries are answered 429 with the time to wait, whether the user exists or not', async () => {
    await makeUser(server, 'target');
    await iam.send(new CreateLoginProfileCommand({ UserName: 'target', Password: PASSWORD }));
    await later(10 * 60_000, async () => {
      for (const userName of ['target', 'no-such-user']) {
        for (let tries = 0; tries < 5; tries++)
          assert.equal((await signIn({ userName, password: 'wrong' })).status, 403);
        const { status, json, headers } = await signIn({ userName });
        assert.deepEqual([status, json.__type], [429, 'ThrottlingException']);
        assert.ok(Number(headers['retry-after']) > 200);
      }
    });
    await later(20 * 60_000, async () => assert.equal((await signIn({ userName: 'target' })).status, 200));
  });
});
