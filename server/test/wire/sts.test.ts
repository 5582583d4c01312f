import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
  CreateAccessKeyCommand,
  CreateRoleCommand,
  CreateUserCommand,
  DeleteRoleCommand,
  DeleteRolePolicyCommand,
  ListUsersCommand,
  PutRolePolicyCommand,
  PutUserPolicyCommand,
} from '@aws-sdk/client-iam';
import {
  CreateBucketCommand,
  ListBucketsCommand,
  ListObjectsV2Command,
  PutBucketPolicyCommand,
} from '@aws-sdk/client-s3';
import {
  AssumeRoleCommand,
  type AssumeRoleCommandInput,
  DecodeAuthorizationMessageCommand,
  GetAccessKeyInfoCommand,
  GetCallerIdentityCommand,
  GetFederationTokenCommand,
  GetSessionTokenCommand,
  STSClient,
} from '@aws-sdk/client-sts';
import { systemTime } from '../../src/adapters/system.ts';
import { send } from '../support/raw-http.ts';
import { ACCOUNT, type Credentials, ROOT, startServer, type TestServer } from '../support/server.ts';
import { signByHand } from '../support/signing.ts';
import { allow, document, makeOtherAccount, makeUser, OTHER_ACCOUNT, refused, trust } from './access-support.ts';

describe('STS', () => {
  let server: TestServer;
  let alice: Credentials;
  let outsider: Credentials;
  /** How far the server's clock is moved forward. */
  let ahead = 0;
  const time = { ...systemTime(), now: () => new Date(Date.now() + ahead) };

  before(async () => {
    server = await startServer({ overrides: { time } });
    alice = await makeUser(server, 'alice');
    await makeUser(server, 'bob', allow('sts:AssumeRole'));
    outsider = await makeOtherAccount(server);
  });
  after(() => server.close());

  const newRole = async (RoleName: string, trustPolicy: string, ...statements: object[]) => {
    const { iam } = server.clients();
    const { Role } = await iam.send(
      new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: trustPolicy, MaxSessionDuration: 7200 }),
    );
    if (statements.length > 0)
      await iam.send(new PutRolePolicyCommand({ RoleName, PolicyName: 'p', PolicyDocument: document(...statements) }));
    return Role?.Arn ?? '';
  };
  const assume = async (credentials: Credentials, input: Partial<AssumeRoleCommandInput> & { RoleArn: string }) => {
    const { sts } = server.clients({ credentials });
    const answer = await sts.send(new AssumeRoleCommand({ RoleSessionName: 'session', ...input }));
    const { AccessKeyId = '', SecretAccessKey = '', SessionToken = '', Expiration } = answer.Credentials ?? {};
    const session = { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: SessionToken };
    return { ...answer, session, Expiration };
  };
  const aliceArn = `arn:aws:iam::${ACCOUNT}:user/alice`;

  it('says who calls', async () => {
    const { Account, Arn, UserId } = await server.clients().sts.send(new GetCallerIdentityCommand({}));
    assert.deepEqual(
      { Account, Arn, UserId },
      { Account: ACCOUNT, Arn: `arn:aws:iam::${ACCOUNT}:root`, UserId: ACCOUNT },
    );
    const user = await server.clients({ credentials: alice }).sts.send(new GetCallerIdentityCommand({}));
    assert.equal(user.Arn, aliceArn);
    assert.match(user.UserId ?? '', /^AIDA/);
    const other = await server.clients({ credentials: outsider }).sts.send(new GetCallerIdentityCommand({}));
    assert.equal(other.Account, OTHER_ACCOUNT);
  });

  it('refuses an unknown key and a wrong secret', async () => {
    const unknown = { accessKeyId: 'AKIANOBODYNOBODYNOBO', secretAccessKey: 'x' };
    await refused(
      server.clients({ credentials: unknown }).sts.send(new GetCallerIdentityCommand({})),
      'InvalidClientTokenId',
      403,
    );
    const wrong = { ...ROOT, secretAccessKey: 'wrong' };
    await refused(
      server.clients({ credentials: wrong }).sts.send(new GetCallerIdentityCommand({})),
      'SignatureDoesNotMatch',
      403,
    );
  });

  it('lets a user assume a role that trusts it by name, and bounds the session by the role', async () => {
    const RoleArn = await newRole('by-name', trust({ AWS: aliceArn }), allow('iam:ListUsers'));
    const { session, AssumedRoleUser, Expiration } = await assume(alice, { RoleArn });
    assert.equal(AssumedRoleUser?.Arn, `arn:aws:sts::${ACCOUNT}:assumed-role/by-name/session`);
    assert.match(AssumedRoleUser?.AssumedRoleId ?? '', /^AROA[A-Z0-9]{17}:session$/);
    assert.match(session.accessKeyId, /^ASIA/);
    assert.ok(Math.abs((Expiration?.getTime() ?? 0) - Date.now() - 3_600_000) < 60_000);
    const { iam, sts } = server.clients({ credentials: session });
    assert.equal((await sts.send(new GetCallerIdentityCommand({}))).Arn, AssumedRoleUser?.Arn);
    await iam.send(new ListUsersCommand({}));
    await server.clients().iam.send(new DeleteRolePolicyCommand({ RoleName: 'by-name', PolicyName: 'p' }));
    await refused(
      iam.send(new ListUsersCommand({})),
      'AccessDenied',
      403,
      'assumed-role/by-name/session is not authorized',
    );
  });

  it('needs an identity policy too where the role trusts the account', async () => {
    const RoleArn = await newRole('by-account', trust({ AWS: `arn:aws:iam::${ACCOUNT}:root` }));
    await refused(
      assume(alice, { RoleArn }),
      'AccessDenied',
      403,
      'because no identity-based policy allows the sts:AssumeRole action',
    );
    const bob = await makeUser(server, 'bob2', allow('sts:AssumeRole', RoleArn));
    await assume(bob, { RoleArn });
  });

  it('tells no difference between a role that does not trust the caller and one that is not there', async () => {
    const carol = await makeUser(server, 'carol', allow('sts:*'));
    const RoleArn = await newRole('untrusting', trust({ Service: 'bedrock.amazonaws.com' }));
    const text = (arn: string) =>
      `is not authorized to perform: sts:AssumeRole on resource: ${arn} because no resource-based policy`;
    await refused(assume(carol, { RoleArn }), 'AccessDenied', 403, text(RoleArn));
    const absent = `arn:aws:iam::${ACCOUNT}:role/absent`;
    await refused(assume(carol, { RoleArn: absent }), 'AccessDenied', 403, text(absent));
  });

  it('does not let root assume roles', async () => {
    const RoleArn = await newRole('for-all', trust('*'));
    await refused(assume(ROOT, { RoleArn }), 'AccessDenied', 403, 'Roles may not be assumed by root accounts.');
  });

  it('asks for the external id that the trust policy asks for', async () => {
    const Condition = { StringEquals: { 'sts:ExternalId': 'shared-secret' } };
    const RoleArn = await newRole('external', trust({ AWS: aliceArn }, { Condition }));
    await refused(assume(alice, { RoleArn }), 'AccessDenied', 403);
    await refused(assume(alice, { RoleArn, ExternalId: 'guess' }), 'AccessDenied', 403);
    await assume(alice, { RoleArn, ExternalId: 'shared-secret' });
  });

  it('bounds how long a session lasts', async () => {
    const RoleArn = await newRole('durations', trust({ AWS: [aliceArn] }), allow('sts:AssumeRole'));
    await refused(assume(alice, { RoleArn, DurationSeconds: 899 }), 'ValidationError', 400);
    await refused(
      assume(alice, { RoleArn, DurationSeconds: 7201 }),
      'ValidationError',
      400,
      'exceeds the MaxSessionDuration set for this role.',
    );
    const { session } = await assume(alice, { RoleArn, DurationSeconds: 7200 });
    const chained = await newRole('chained', trust({ AWS: RoleArn }));
    await refused(
      assume(session, { RoleArn: chained, DurationSeconds: 3601 }),
      'ValidationError',
      400,
      '1 hour session limit for roles assumed by role chaining',
    );
    await assume(session, { RoleArn: chained });
    await refused(assume(alice, { RoleArn, RoleSessionName: 'a b' }), 'ValidationError', 400, /'rolesessionname'/i);
    await refused(assume(alice, { RoleArn: 'arn:aws:iam::123:role' }), 'ValidationError', 400);
  });

  it('bounds a session by the policies given for it', async () => {
    const RoleArn = await newRole('bounded', trust({ AWS: aliceArn }), allow(['iam:ListUsers', 'iam:ListRoles']));
    const narrow = await assume(alice, { RoleArn, Policy: document(allow('iam:ListRoles')) });
    await refused(
      server.clients({ credentials: narrow.session }).iam.send(new ListUsersCommand({})),
      'AccessDenied',
      403,
      'because no session policy allows the iam:ListUsers action',
    );
    const arns = await assume(alice, { RoleArn, PolicyArns: [{ arn: 'arn:aws:iam::aws:policy/IAMReadOnlyAccess' }] });
    await server.clients({ credentials: arns.session }).iam.send(new ListUsersCommand({}));
    await refused(
      assume(alice, { RoleArn, Policy: '{"x":1}' }),
      'MalformedPolicyDocumentException',
      400,
      'unknown element',
    );
    await refused(
      assume(alice, { RoleArn, Policy: document(allow('s3:*', `arn:aws:s3:::${'x'.repeat(3000)}`)) }),
      'PackedPolicyTooLargeException',
      400,
    );
  });

  it('ends a session at its time, with its role, and when its token is touched', async () => {
    const RoleArn = await newRole('ending', trust({ AWS: aliceArn }));
    const { session } = await assume(alice, { RoleArn, DurationSeconds: 900 });
    const whoAmI = (credentials: Credentials) =>
      server.clients({ credentials }).sts.send(new GetCallerIdentityCommand({}));
    await whoAmI(session);
    const { sessionToken: _token, ...without } = session;
    await refused(whoAmI(without), 'InvalidClientTokenId', 403);
    await refused(whoAmI({ ...session, sessionToken: `${session.sessionToken}A` }), 'InvalidClientTokenId', 403);
    const flipped = session.sessionToken.replace(/^./, first => (first === 'A' ? 'B' : 'A'));
    await refused(whoAmI({ ...session, sessionToken: flipped }), 'InvalidClientTokenId', 403);
    await refused(whoAmI({ ...alice, sessionToken: session.sessionToken }), 'InvalidClientTokenId', 403);
    const second = await assume(alice, { RoleArn, DurationSeconds: 7200 });
    ahead = 901_000;
    const { endpoint } = server;
    const settings = { endpoint, region: 'us-east-1', credentials: session, maxAttempts: 1 };
    const later = new STSClient({ ...settings, systemClockOffset: ahead });
    await refused(later.send(new GetCallerIdentityCommand({})), 'ExpiredToken', 403).finally(() => {
      later.destroy();
      ahead = 0;
    });
    await server.clients().iam.send(new DeleteRoleCommand({ RoleName: 'ending' }));
    await refused(whoAmI(second.session), 'InvalidClientTokenId', 403);
  });

  it('carries tags and a source identity into the session, where policies see them', async () => {
    const statement = { Effect: 'Allow', Principal: { AWS: aliceArn } };
    const actions = ['sts:AssumeRole', 'sts:TagSession', 'sts:SetSourceIdentity'];
    const Condition = { StringEquals: { 'aws:PrincipalTag/team': 'pets', 'aws:SourceIdentity': 'alice@example.com' } };
    const list = allow('iam:ListUsers', '*', { Condition });
    const RoleArn = await newRole('tagged', document({ ...statement, Action: actions }), list);
    const Tags = [{ Key: 'team', Value: 'pets' }];
    const SourceIdentity = 'alice@example.com';
    const users = async (given: { session: Credentials }) =>
      server.clients({ credentials: given.session }).iam.send(new ListUsersCommand({}));
    await users(await assume(alice, { RoleArn, Tags, SourceIdentity }));
    await refused(users(await assume(alice, { RoleArn, SourceIdentity })), 'AccessDenied', 403);
    const plain = await newRole('untagged', document({ ...statement, Action: 'sts:AssumeRole' }));
    await refused(assume(alice, { RoleArn: plain, Tags }), 'AccessDenied', 403, 'sts:TagSession');
    await refused(assume(alice, { RoleArn: plain, SourceIdentity }), 'AccessDenied', 403, 'sts:SetSourceIdentity');
  });

  it('passes transitive tags on through chained roles, and lets nobody replace them', async () => {
    const actions = ['sts:AssumeRole', 'sts:TagSession'];
    const trusting = (AWS: string) => document({ Effect: 'Allow', Principal: { AWS }, Action: actions });
    const first = await newRole('chained-first', trusting(aliceArn), allow('sts:AssumeRole'));
    const pets = { Condition: { StringEquals: { 'aws:PrincipalTag/team': 'pets' } } };
    const RoleArn = await newRole('chained-second', trusting(first), allow('iam:ListUsers', '*', pets));
    const Tags = [{ Key: 'team', Value: 'pets' }];
    const users = async ({ session: credentials }: { session: Credentials }) =>
      server.clients({ credentials }).iam.send(new ListUsersCommand({}));
    const { session } = await assume(alice, { RoleArn: first, Tags, TransitiveTagKeys: ['team'] });
    await users(await assume(session, { RoleArn }));
    await refused(assume(session, { RoleArn, Tags }), 'InvalidParameterValue', 400, 'inherited');
    const stays = await assume(alice, { RoleArn: first, Tags });
    await refused(users(await assume(stays.session, { RoleArn })), 'AccessDenied', 403);
    for (const given of [
      { TransitiveTagKeys: ['other'] },
      { Tags: [...Tags, { Key: 'TEAM', Value: 'x' }] },
      { Tags: [{ Key: 'aws:team', Value: 'x' }] },
    ])
      await refused(assume(alice, { RoleArn: first, ...given }), 'InvalidParameterValue', 400);
  });

  it('ends the sessions that a policy of the role says are too old', async () => {
    const RoleArn = await newRole('revoked', trust({ AWS: aliceArn }), allow('iam:ListUsers'));
    const { session } = await assume(alice, { RoleArn });
    const { iam } = server.clients({ credentials: session });
    await iam.send(new ListUsersCommand({}));
    const Condition = { DateLessThan: { 'aws:TokenIssueTime': new Date(Date.now() + 1000).toISOString() } };
    const PolicyDocument = document({ ...allow('*', '*', { Condition }), Effect: 'Deny' });
    const PolicyName = 'AWSRevokeOlderSessions';
    await server.clients().iam.send(new PutRolePolicyCommand({ RoleName: 'revoked', PolicyName, PolicyDocument }));
    await refused(
      iam.send(new ListUsersCommand({})),
      'AccessDenied',
      403,
      'with an explicit deny in an identity-based policy',
    );
  });

  it('gives a user a session of its own, with its own permissions', async () => {
    const dora = await makeUser(server, 'dora', allow('iam:ListUsers'));
    const { Credentials: given } = await server.clients({ credentials: dora }).sts.send(new GetSessionTokenCommand({}));
    const { AccessKeyId = '', SecretAccessKey = '', SessionToken = '' } = given ?? {};
    const credentials = { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: SessionToken };
    const { iam, sts } = server.clients({ credentials });
    assert.equal((await sts.send(new GetCallerIdentityCommand({}))).Arn, `arn:aws:iam::${ACCOUNT}:user/dora`);
    await iam.send(new ListUsersCommand({}));
    await refused(sts.send(new GetSessionTokenCommand({})), 'AccessDenied', 403, 'session credentials');
  });

  describe('a federated user', () => {
    const federate = async (credentials: Credentials, Name: string, ...statements: object[]) => {
      const { sts } = server.clients({ credentials });
      const Policy = statements.length === 0 ? undefined : document(...statements);
      const answer = await sts.send(new GetFederationTokenCommand({ Name, Policy }));
      const { AccessKeyId = '', SecretAccessKey = '', SessionToken = '' } = answer.Credentials ?? {};
      const session = { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: SessionToken };
      return { ...answer, clients: server.clients({ credentials: session }) };
    };
    let broker: Credentials;
    before(async () => {
      broker = await makeUser(server, 'broker', allow(['sts:GetFederationToken', 's3:ListAllMyBuckets', 'iam:*']));
    });

    it('says who it is, and what of the room for policies is taken', async () => {
      const { FederatedUser, PackedPolicySize, clients } = await federate(broker, 'bob@shop', allow('s3:*'));
      const Arn = `arn:aws:sts::${ACCOUNT}:federated-user/bob@shop`;
      assert.deepEqual(FederatedUser, { FederatedUserId: `${ACCOUNT}:bob@shop`, Arn });
      assert.ok(PackedPolicySize && PackedPolicySize < 100);
      const who = await clients.sts.send(new GetCallerIdentityCommand({}));
      assert.deepEqual([who.Arn, who.UserId, who.Account], [Arn, `${ACCOUNT}:bob@shop`, ACCOUNT]);
    });

    it('may do what its user and the policies of the session both allow', async () => {
      const list = new ListBucketsCommand({});
      const both = await federate(broker, 'both', allow('s3:ListAllMyBuckets'));
      await both.clients.s3.send(list);
      const other = await federate(broker, 'other', allow('s3:GetObject'));
      await refused(other.clients.s3.send(list), 'AccessDenied', 403, 'no session policy');
      const none = await federate(broker, 'none');
      await refused(none.clients.s3.send(list), 'AccessDenied', 403, 'no session policy');
      const wider = await federate(broker, 'wider', allow('s3:*'));
      const create = new CreateBucketCommand({ Bucket: 'of-a-federated-user' });
      await refused(wider.clients.s3.send(create), 'AccessDenied', 403, 'no identity-based policy');
      await refused((await federate(ROOT, 'roots')).clients.s3.send(list), 'AccessDenied', 403, 'no session policy');
      await (await federate(ROOT, 'roots', allow('s3:*'))).clients.s3.send(list);
    });

    it('may do what a bucket lets it do by its own name', async () => {
      const { s3 } = server.clients();
      await s3.send(new CreateBucketCommand({ Bucket: 'for-carol' }));
      const Principal = { AWS: `arn:aws:sts::${ACCOUNT}:federated-user/carol` };
      const statement = { ...allow('s3:ListBucket', 'arn:aws:s3:::for-carol'), Principal };
      await s3.send(new PutBucketPolicyCommand({ Bucket: 'for-carol', Policy: document(statement) }));
      const look = new ListObjectsV2Command({ Bucket: 'for-carol' });
      await (await federate(broker, 'carol')).clients.s3.send(look);
      await refused((await federate(broker, 'dave')).clients.s3.send(look), 'AccessDenied', 403);
    });

    it('calls nothing of IAM, nor STS beyond asking who it is, and is made with long-term keys only', async () => {
      const { clients } = await federate(broker, 'erin', allow('*'));
      await refused(clients.iam.send(new ListUsersCommand({})), 'InvalidClientTokenId', 403);
      await refused(clients.sts.send(new GetSessionTokenCommand({})), 'AccessDenied', 403, 'session credentials');
      const again = new GetFederationTokenCommand({ Name: 'frank' });
      await refused(
        clients.sts.send(again),
        'AccessDenied',
        403,
        'Cannot call GetFederationToken with session credent',
      );
      await refused(federate(alice, 'frank'), 'AccessDenied', 403, 'sts:GetFederationToken');
      await refused(federate(broker, 'x'), 'ValidationError', 400, /'name'/);
      const { sts } = server.clients({ credentials: broker });
      const short = new GetFederationTokenCommand({ Name: 'short', DurationSeconds: 899 });
      await refused(sts.send(short), 'ValidationError', 400, /durationSeconds/i);
    });
  });

  it('keeps sessions over a restart', async () => {
    const own = await startServer();
    const eve = await makeUser(own, 'eve');
    const given = await own.clients({ credentials: eve }).sts.send(new GetSessionTokenCommand({}));
    const { AccessKeyId = '', SecretAccessKey = '', SessionToken = '' } = given.Credentials ?? {};
    await own.close({ keepData: true });
    const again = await startServer({ dataDirectory: own.dataDirectory });
    const credentials = { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: SessionToken };
    const who = await again.clients({ credentials }).sts.send(new GetCallerIdentityCommand({}));
    assert.equal(who.Arn, `arn:aws:iam::${ACCOUNT}:user/eve`);
    await again.close();
  });

  it('lets another account in only where both sides agree', async () => {
    const { iam } = server.clients({ credentials: outsider });
    await iam.send(new CreateUserCommand({ UserName: 'visitor' }));
    const key = (await iam.send(new CreateAccessKeyCommand({ UserName: 'visitor' }))).AccessKey;
    const visitor = { accessKeyId: key?.AccessKeyId ?? '', secretAccessKey: key?.SecretAccessKey ?? '' };
    const RoleArn = await newRole('shared', trust({ AWS: `arn:aws:iam::${OTHER_ACCOUNT}:user/visitor` }));
    await refused(assume(visitor, { RoleArn }), 'AccessDenied', 403, 'no identity-based policy');
    const PolicyDocument = document(allow('sts:AssumeRole', `arn:aws:iam::${ACCOUNT}:role/*`));
    await iam.send(new PutUserPolicyCommand({ UserName: 'visitor', PolicyName: 'p', PolicyDocument }));
    const { session } = await assume(visitor, { RoleArn });
    const who = await server.clients({ credentials: session }).sts.send(new GetCallerIdentityCommand({}));
    assert.equal(who.Account, ACCOUNT);
    const closed = await newRole('closed', trust({ AWS: aliceArn }));
    await refused(assume(visitor, { RoleArn: closed }), 'AccessDenied', 403, 'no resource-based policy');
  });

  it('says of a code of MFA that there are no devices, also where a trust policy wants one', async () => {
    const wantsMfa = { Condition: { Bool: { 'aws:MultiFactorAuthPresent': 'true' } } };
    const RoleArn = await newRole('with-mfa', trust({ AWS: aliceArn }, wantsMfa));
    const code = { SerialNumber: `arn:aws:iam::${ACCOUNT}:mfa/alice`, TokenCode: '123456' };
    await refused(assume(alice, { RoleArn, ...code }), 'AccessDenied', 403, 'this server has no MFA devices');
    await refused(assume(alice, { RoleArn }), 'AccessDenied', 403, 'no resource-based policy');
  });

  it('counts tags to what a session takes of its room, and says nothing of a session without', async () => {
    const RoleArn = await newRole(
      'packed',
      document({ Effect: 'Allow', Principal: { AWS: aliceArn }, Action: ['sts:AssumeRole', 'sts:TagSession'] }),
    );
    const Tags = [{ Key: 'team', Value: 'p'.repeat(200) }];
    const tagged = await assume(alice, { RoleArn, Tags });
    const both = await assume(alice, { RoleArn, Tags, Policy: document(allow('s3:*')) });
    assert.ok(tagged.PackedPolicySize && both.PackedPolicySize && tagged.PackedPolicySize < both.PackedPolicySize);
    assert.equal((await assume(alice, { RoleArn })).PackedPolicySize, undefined);
  });

  it('writes times in whole seconds, as scripts read them', async () => {
    const { body } = await send(
      server.port,
      signByHand({
        ...{ credentials: alice, host: `127.0.0.1:${server.port}`, method: 'POST', service: 'sts' },
        headers: [['content-type', 'application/x-www-form-urlencoded']],
        body: 'Action=GetSessionToken&Version=2011-06-15',
      }),
    );
    assert.match(body, /<Expiration>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ<\/Expiration>/);
  });

  it('tells the account of an access key, and names what it does not implement', async () => {
    const { sts } = server.clients();
    assert.equal((await sts.send(new GetAccessKeyInfoCommand({ AccessKeyId: alice.accessKeyId }))).Account, ACCOUNT);
    await assert.rejects(
      sts.send(new DecodeAuthorizationMessageCommand({ EncodedMessage: 'x' })),
      /DecodeAuthorizationMessage/,
    );
  });
});
