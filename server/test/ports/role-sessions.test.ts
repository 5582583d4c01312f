import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { openVault } from '../../src/adapters/master-key/vault.ts';
import { openSqliteStore } from '../../src/adapters/store-sql/database.ts';
import { systemIds, systemTime } from '../../src/adapters/system.ts';
import type { Call } from '../../src/domain/call.ts';
import { Fault } from '../../src/domain/fault.ts';
import type { RoleSessions } from '../../src/ports/customer-data.ts';
import type { Store } from '../../src/ports/store.ts';
import { bootstrapAccount } from '../../src/services/iam/bootstrap.ts';
import { type CredentialDependencies, createCredentialResolver } from '../../src/services/iam/credentials.ts';
import { createRoleSessions } from '../../src/services/sts/role-sessions.ts';

const ACCOUNT = '111122223333';
const JOB = `arn:aws:bedrock:us-east-1:${ACCOUNT}:model-customization-job/likeness.art-v1/aaaaaaaaaaaa`;
const random = { accountId: undefined, rootAccessKeyId: undefined, rootSecretAccessKey: undefined };

describe('the account and its service roles', () => {
  let home: string;
  let store: Store;
  let deps: CredentialDependencies;
  let sessions: RoleSessions;
  const calls: Call[] = [];
  before(async () => {
    home = await mkdtemp(join(tmpdir(), 'likeness-roles-'));
    store = await openSqliteStore(join(home, 'rows.sqlite'));
    deps = { store, vault: await openVault(home), ids: systemIds(), time: systemTime() };
    sessions = createRoleSessions({ ...deps, trail: { record: async call => void calls.push(call) } });
  });
  after(async () => {
    await store.close();
    await rm(home, { recursive: true });
  });

  let made = 0;
  const newRole = async (statement: object): Promise<string> => {
    const name = `role-${made++}`;
    const trustPolicy = JSON.stringify({ Version: '2012-10-17', Statement: statement });
    await store.transaction(({ iam }) =>
      iam.insertIdentity({
        ...{ id: `AROA${name}`, kind: 'role', accountId: ACCOUNT, name, path: '/service/', trustPolicy },
        ...{ createdAt: new Date().toISOString(), tags: {}, boundaryArn: null, description: null },
        maximumSessionSeconds: 3600,
      }),
    );
    return `arn:aws:iam::${ACCOUNT}:role/service/${name}`;
  };
  const assume = (roleArn: string, more: { sourceAccountId?: string; sourceArn?: string } = {}) =>
    sessions.assumeForService({
      ...{ roleArn, servicePrincipal: 'bedrock.amazonaws.com', sourceAccountId: ACCOUNT, sourceArn: JOB },
      ...{ region: 'us-east-1', sessionName: 'aaaaaaaaaaaa' },
      ...more,
    });
  const denied = (call: Promise<unknown>, message: RegExp) =>
    assert.rejects(call, (error: unknown) => {
      assert.ok(error instanceof Fault);
      assert.equal(error.kind, 'denied');
      assert.match(error.message, message);
      return true;
    });
  const Principal = { Service: 'bedrock.amazonaws.com' };
  const trusting = { Effect: 'Allow', Principal, Action: 'sts:AssumeRole' };
  const conditions = (account: string, job: string) => ({
    StringEquals: { 'aws:SourceAccount': account },
    ArnEquals: { 'aws:SourceArn': job },
  });

  it('lets the service take a role that trusts it, as a session of that role', async () => {
    for (const statement of [
      trusting,
      { ...trusting, Condition: conditions(ACCOUNT, `arn:aws:bedrock:us-east-1:${ACCOUNT}:model-customization-job/*`) },
      { ...trusting, Principal: { Service: ['ec2.amazonaws.com', 'bedrock.amazonaws.com'] } },
    ]) {
      const roleArn = await newRole(statement);
      const session = await assume(roleArn);
      const who = await createCredentialResolver(deps)(session.accessKeyId, session.sessionToken);
      assert.ok(who.found);
      assert.equal(who.principal.roleArn, roleArn);
      assert.equal(who.principal.arn, `arn:aws:sts::${ACCOUNT}:assumed-role/${roleArn.split('/').at(-1)}/aaaaaaaaaaaa`);
      assert.equal(who.secretAccessKey, session.secretAccessKey);
      assert.deepEqual(calls.at(-1)?.requestParameters, { roleArn, roleSessionName: 'aaaaaaaaaaaa' });
      assert.ok(!JSON.stringify(calls).includes(session.secretAccessKey));
    }
  });

  it('does not let it take another', async () => {
    await denied(assume(`arn:aws:iam::${ACCOUNT}:role/absent`), /no such role/);
    await denied(assume('arn:aws:s3:::bucket'), /no such role/);
    const misnamed = (await newRole(trusting)).replace('/service/', '/');
    await denied(assume(misnamed), /no such role/);
    for (const statement of [
      { ...trusting, Principal: { Service: 'ec2.amazonaws.com' } },
      { ...trusting, Principal: { AWS: ACCOUNT } },
      { ...trusting, Condition: conditions('999988887777', JOB) },
      { ...trusting, Condition: conditions(ACCOUNT, `arn:aws:bedrock:eu-west-1:${ACCOUNT}:model-customization-job/*`) },
      { ...trusting, Condition: conditions(ACCOUNT, `arn:aws:bedrock:us-east-1:${ACCOUNT}:model-invocation-job/*`) },
    ])
      await denied(assume(await newRole(statement)), /does not allow the service/);
    const both = [trusting, { ...trusting, Effect: 'Deny' }];
    await denied(assume(await newRole(both)), /denies the service/);
    await denied(assume(await newRole(trusting), { sourceAccountId: '999988887777' }), /another account/);
    assert.deepEqual(
      [calls.at(-1)?.error?.code, calls.at(-1)?.questions[0]?.resourceAccountId],
      ['AccessDenied', '999988887777'],
    );
  });

  it('makes an account once, and keeps its root key', async () => {
    const first = await bootstrapAccount(deps, random);
    assert.match(first.accountId, /^[1-9]\d{11}$/);
    assert.match(first.accessKeyId, /^AKIA[A-Z0-9]{16}$/);
    assert.equal(first.secretAccessKey.length, 40);
    assert.deepEqual(await bootstrapAccount(deps, random), first);
    const who = await createCredentialResolver(deps)(first.accessKeyId, undefined);
    assert.ok(who.found && who.principal.type === 'root' && who.principal.accountId === first.accountId);
  });

  it('takes the root key that the settings fix, in the place of the old one', async () => {
    const old = await bootstrapAccount(deps, random);
    const fixed = { rootAccessKeyId: 'AKIAFIXEDFIXEDFIXED1', rootSecretAccessKey: 'a-fixed-secret' };
    const now = await bootstrapAccount(deps, { ...random, ...fixed });
    assert.equal(now.accountId, old.accountId);
    assert.equal(now.secretAccessKey, fixed.rootSecretAccessKey);
    const resolve = createCredentialResolver(deps);
    assert.deepEqual(await resolve(old.accessKeyId, undefined), { found: false, reason: 'unknown' });
    const changed = await bootstrapAccount(deps, { ...random, ...fixed, rootSecretAccessKey: 'another-secret' });
    assert.equal(changed.secretAccessKey, 'another-secret');
    assert.deepEqual(await bootstrapAccount(deps, random), changed);
  });

  it('says in one line what is wrong with the settings', async () => {
    const wrong = (settings: object, message: RegExp) =>
      assert.rejects(bootstrapAccount(deps, { ...random, ...settings }), message);
    await wrong({ accountId: '12' }, /LIKENESS_ACCOUNT_ID must be 12 digits; it is "12"/);
    await wrong({ accountId: '000000000001' }, /belongs to account/);
    await wrong({ rootAccessKeyId: 'AKIAX' }, /Set both/);
    await wrong({ rootAccessKeyId: 'a b', rootSecretAccessKey: 'long-enough' }, /LIKENESS_ROOT_ACCESS_KEY_ID must be/);
    await wrong({ rootAccessKeyId: 'AKIAX', rootSecretAccessKey: 'short' }, /LIKENESS_ROOT_SECRET_ACCESS_KEY must be/);
  });

  it('says so when the master key is not the one that the secrets were sealed with', async () => {
    const vault = await openVault(home, Buffer.alloc(32, 7).toString('hex'));
    await assert.rejects(bootstrapAccount({ ...deps, vault }, random), /the master key .* is not the one/);
  });
});
