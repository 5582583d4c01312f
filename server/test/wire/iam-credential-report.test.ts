import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
  CreateAccessKeyCommand,
  CreateLoginProfileCommand,
  CreateUserCommand,
  GenerateCredentialReportCommand,
  GetCredentialReportCommand,
  UpdateAccessKeyCommand,
  UpdateAccountPasswordPolicyCommand,
} from '@aws-sdk/client-iam';
import { GetCallerIdentityCommand } from '@aws-sdk/client-sts';
import { systemTime } from '../../src/adapters/system.ts';
import { ACCOUNT, startServer, type TestClients, type TestServer } from '../support/server.ts';
import { allow, makeOtherAccount, makeUser, refused } from './access-support.ts';

const HEADER =
  'user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,password_next_rotation,mfa_active,' +
  'access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,access_key_1_last_used_region,' +
  'access_key_1_last_used_service,access_key_2_active,access_key_2_last_rotated,access_key_2_last_used_date,' +
  'access_key_2_last_used_region,access_key_2_last_used_service,cert_1_active,cert_1_last_rotated,cert_2_active,' +
  'cert_2_last_rotated';
const NO_KEY = 'false,N/A,N/A,N/A,N/A';
const NO_CERTIFICATES = 'false,N/A,false,N/A';
/** The server's clock stands still; clients sign by their own. */
const STARTED_AT = new Date();
const written = (at: Date) => at.toISOString().replace(/\.[0-9]+Z/, '+00:00');
const NOW = written(STARTED_AT);

describe('IAM: the credential report', () => {
  let server: TestServer;
  let iam: TestClients['iam'];
  const time = { ...systemTime(), now: () => STARTED_AT };

  before(async () => {
    server = await startServer({ overrides: { time } });
    ({ iam } = server.clients());
  });
  after(() => server.close());

  const report = async () => {
    assert.equal((await iam.send(new GenerateCredentialReportCommand({}))).State, 'COMPLETE');
    const answer = await iam.send(new GetCredentialReportCommand({}));
    assert.equal(answer.ReportFormat, 'text/csv');
    assert.equal(written(answer.GeneratedTime ?? assert.fail()), NOW);
    return Buffer.from(answer.Content ?? []).toString();
  };
  const lineOf = (text: string, user: string) => text.split('\n').find(line => line.startsWith(`${user},`));

  it('has a line for the root user and one for each user', async () => {
    for (const UserName of ['zoe', 'a,b']) await iam.send(new CreateUserCommand({ UserName, Path: '/team/' }));
    const lines = (await report()).split('\n');
    assert.equal(lines[0], HEADER);
    const root = lines[1]?.split(',') ?? [];
    assert.deepEqual(root.slice(0, 2), ['<root_account>', `arn:aws:iam::${ACCOUNT}:root`]);
    assert.deepEqual(root.slice(3, 9), [
      'not_supported',
      'no_information',
      'not_supported',
      'not_supported',
      'false',
      'true',
    ]);
    assert.deepEqual(root.slice(10, 13), [NOW, 'us-east-1', 'iam']);
    const none = `${NOW},false,N/A,N/A,N/A,false,${NO_KEY},${NO_KEY},${NO_CERTIFICATES}`;
    assert.deepEqual(lines.slice(2), [
      `"a,b","arn:aws:iam::${ACCOUNT}:user/team/a,b",${none}`,
      `zoe,arn:aws:iam::${ACCOUNT}:user/team/zoe,${none}`,
    ]);
  });

  it('tells passwords, and until when the policy of the account lets them be', async () => {
    await iam.send(new CreateUserCommand({ UserName: 'pat' }));
    await iam.send(new CreateLoginProfileCommand({ UserName: 'pat', Password: 'Correct-Horse-7' }));
    assert.ok(lineOf(await report(), 'pat')?.includes(`,${NOW},true,no_information,${NOW},N/A,false,`));
    await iam.send(new UpdateAccountPasswordPolicyCommand({ MaxPasswordAge: 90 }));
    assert.ok(
      lineOf(await report(), 'pat')?.includes(
        `,${NOW},${written(new Date(STARTED_AT.getTime() + 90 * 86_400_000))},false,`,
      ),
    );
  });

  it('tells access keys: the switched off ones too, and where they were last used', async () => {
    await iam.send(new CreateUserCommand({ UserName: 'kim' }));
    const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName: 'kim' }));
    const { AccessKeyId: accessKeyId = '', SecretAccessKey: secretAccessKey = '' } = AccessKey ?? {};
    assert.ok(lineOf(await report(), 'kim')?.includes(`,false,true,${NOW},N/A,N/A,N/A,${NO_KEY},`));
    const { sts } = server.clients({ credentials: { accessKeyId, secretAccessKey } });
    await sts.send(new GetCallerIdentityCommand({}));
    await iam.send(new UpdateAccessKeyCommand({ UserName: 'kim', AccessKeyId: accessKeyId, Status: 'Inactive' }));
    assert.ok(lineOf(await report(), 'kim')?.includes(`,false,false,${NOW},${NOW},us-east-1,sts,${NO_KEY},`));
  });

  it('is of one account, and read by who may', async () => {
    const outsider = await makeOtherAccount(server);
    const theirs = await server
      .clients({ credentials: outsider })
      .iam.send(new GetCredentialReportCommand({}))
      .then(answer => Buffer.from(answer.Content ?? []).toString());
    assert.equal(lineOf(theirs, 'kim'), undefined);
    const auditor = await makeUser(server, 'auditor', allow('iam:GenerateCredentialReport'));
    const { iam: asAuditor } = server.clients({ credentials: auditor });
    await asAuditor.send(new GenerateCredentialReportCommand({}));
    await refused(asAuditor.send(new GetCredentialReportCommand({})), 'AccessDenied', 403);
  });

  it('has all of many users', async () => {
    const names = Array.from({ length: 210 }, (_, index) => `many-${index}`);
    await Promise.all(names.map(UserName => iam.send(new CreateUserCommand({ UserName }))));
    const lines = (await report()).split('\n');
    assert.equal(new Set(lines.filter(line => line.startsWith('many-'))).size, 210);
  });
});
