import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { openSqliteStore } from '../../src/adapters/store-sql/database.ts';
import type { Store } from '../../src/ports/store.ts';
import type { IdentityKind, IdentityRow } from '../../src/ports/store-iam.ts';
import type { GrantRow, KeyRow } from '../../src/ports/store-kms.ts';

const ACCOUNT = '111122223333';
const AT = '2026-11-23T05:00:00.000Z';

const identity = (kind: IdentityKind, name: string, more: Partial<IdentityRow> = {}): IdentityRow => ({
  ...{ id: `ID-${kind}-${name}`, kind, accountId: ACCOUNT, name, path: '/', createdAt: AT, tags: { a: 'b' } },
  ...{ boundaryArn: null, trustPolicy: null, description: null, maximumSessionSeconds: null },
  ...more,
});
const key = (keyId: string, more: Partial<KeyRow> = {}): KeyRow => ({
  ...{ keyId, accountId: ACCOUNT, region: 'us-east-1', state: 'Enabled', description: '', createdAt: AT },
  ...{
    deleteAt: null,
    materialVersion: 0,
    rotationPeriodDays: null,
    nextRotationAt: null,
    spec: 'SYMMETRIC_DEFAULT',
    usage: 'ENCRYPT_DECRYPT' as const,
    manager: 'CUSTOMER' as const,
    sealedMaterial: 'sealed',
    policy: '{}',
    tags: {},
  },
  ...more,
});
const grant = (grantId: string, keyId: string): GrantRow => ({
  ...{ grantId, keyId, issuingAccountId: ACCOUNT, granteePrincipal: 'g', retiringPrincipal: 'r' },
  ...{ operations: ['Decrypt'], constraints: { subset: { a: 'b' } }, name: '', createdAt: AT },
});

/** A page that holds all there is. */
const whole = { after: undefined, limit: 1000 };

/** Every store answers this suite. */
const adapters: Record<string, (folder: string) => Promise<Store>> = {
  SQLite: folder => openSqliteStore(join(folder, 'rows.sqlite')),
};

for (const [adapter, open] of Object.entries(adapters))
  describe(`the rows of IAM and KMS in ${adapter}`, () => {
    let folder: string;
    let store: Store;
    before(async () => {
      folder = await mkdtemp(join(tmpdir(), 'likeness-rows-'));
      store = await open(folder);
    });
    after(async () => {
      await store.close();
      await rm(folder, { recursive: true });
    });

    it('keeps an identity as it was, finds it by name and id, and changes it', async () => {
      const role = identity('role', 'Painter', { trustPolicy: '{}', description: '', maximumSessionSeconds: 3600 });
      await store.transaction(({ iam }) => iam.insertIdentity(role));
      await store.read(async ({ iam }) => {
        assert.deepEqual(await iam.identity('role', ACCOUNT, 'Painter'), role);
        assert.deepEqual(await iam.identityById(role.id), role);
        assert.deepEqual(await iam.identityNamed('role', ACCOUNT, 'PAINTER'), role);
        assert.equal(await iam.identity('role', ACCOUNT, 'painter'), undefined);
        assert.equal(await iam.identity('user', ACCOUNT, 'Painter'), undefined);
        assert.equal(await iam.identity('role', '999988887777', 'Painter'), undefined);
      });
      await store.transaction(({ iam }) =>
        iam.updateIdentity(role.id, { name: 'Drawer', tags: {}, boundaryArn: 'arn' }),
      );
      const changed = await store.read(({ iam }) => iam.identityNamed('role', ACCOUNT, 'drawer'));
      assert.deepEqual(changed, { ...role, name: 'Drawer', tags: {}, boundaryArn: 'arn' });
      assert.equal(await store.read(({ iam }) => iam.countBoundedBy('arn', ACCOUNT)), 1);
    });

    it('does not keep two identities of one kind whose names differ in case only', async () => {
      await store.transaction(({ iam }) => iam.insertIdentity(identity('user', 'ron')));
      await assert.rejects(
        store.transaction(({ iam }) => iam.insertIdentity(identity('user', 'RON', { id: 'other' }))),
      );
      await store.transaction(({ iam }) => iam.insertIdentity(identity('group', 'RON')));
    });

    it('finds every policy on an identity with one question', async () => {
      const policy = { arn: `arn:aws:iam::${ACCOUNT}:policy/p`, id: 'ANPA', accountId: ACCOUNT, name: 'p', path: '/' };
      const dates = { createdAt: AT, updatedAt: AT };
      await store.transaction(async ({ iam }) => {
        await iam.insertPolicy({
          ...policy,
          ...dates,
          description: null,
          defaultVersion: 2,
          latestVersion: 2,
          tags: {},
        });
        for (const version of [1, 2])
          await iam.insertPolicyVersion({ policyArn: policy.arn, version, document: `v${version}`, createdAt: AT });
        await iam.attach('one', policy.arn, AT);
        await iam.attach('one', policy.arn, AT);
        await iam.attach('two', 'arn:aws:iam::aws:policy/AdministratorAccess', AT);
        await iam.insertIdentity(identity('user', 'attached', { id: 'one' }));
        await iam.putInlinePolicy('two', 'inline', 'old');
        await iam.putInlinePolicy('two', 'inline', 'new');
        await iam.putInlinePolicy('three', 'inline', 'not asked for');
      });
      await store.read(async ({ iam }) => {
        const found = await iam.policiesOn(['one', 'two']);
        assert.deepEqual(new Set(found.map(({ document }) => document)), new Set(['new', 'v2', null]));
        assert.equal(
          found.find(({ document }) => document === null)?.arn,
          'arn:aws:iam::aws:policy/AdministratorAccess',
        );
        assert.deepEqual(await iam.attachedPolicyArns('one'), [policy.arn]);
        const attached = async (pathPrefix: string, kind?: 'user' | 'role') =>
          (await iam.identitiesWith(policy.arn, ACCOUNT, { ...whole, pathPrefix, kind, usedAs: 'attached' })).map(
            ({ id }) => id,
          );
        assert.deepEqual(await attached('/'), ['one']);
        assert.deepEqual([await attached('/', 'role'), await attached('/no/', 'user')], [[], []]);
        assert.equal(await iam.countAttachedTo(policy.arn, ACCOUNT), 1);
        assert.equal(await iam.countAttachedTo(policy.arn, '999988887777'), 0);
        const policies = async (page: object) =>
          (await iam.policiesBelow(ACCOUNT, { ...whole, pathPrefix: '/', usedAs: undefined, ...page })).length;
        assert.deepEqual([await policies({}), await policies({ usedAs: 'attached' })], [1, 1]);
        assert.equal(await policies({ usedAs: 'boundary' }), 0);
        assert.deepEqual([await policies({ after: policy.arn }), await policies({ pathPrefix: '/x/' })], [0, 0]);
        assert.equal((await iam.policyNamed(ACCOUNT, 'P'))?.arn, policy.arn);
      });
      assert.equal(await store.transaction(({ iam }) => iam.detach('one', policy.arn)), true);
      assert.equal(await store.transaction(({ iam }) => iam.detach('one', policy.arn)), false);
    });

    it('removes a key whose day has come, with its aliases and grants, and no other', async () => {
      const alias = (name: string, keyId: string) => ({ accountId: ACCOUNT, region: 'us-east-1', name, keyId });
      await store.transaction(async ({ kms }) => {
        await kms.insertKey(key('due', { state: 'PendingDeletion', deleteAt: 1000 }));
        await kms.insertKey(key('later', { state: 'PendingDeletion', deleteAt: 1001 }));
        await kms.insertKey(key('kept'));
        for (const keyId of ['due', 'kept']) {
          await kms.insertAlias({ ...alias(`alias/${keyId}`, keyId), createdAt: AT, updatedAt: AT });
          await kms.insertGrant(grant(`grant-${keyId}`, keyId));
        }
        await kms.deleteKeysDue(1000);
      });
      await store.read(async ({ kms }) => {
        assert.deepEqual(
          (await kms.keys(ACCOUNT, 'us-east-1', { ...whole, now: 1000 })).map(row => row.keyId),
          ['kept', 'later'],
        );
        assert.deepEqual(await kms.keys(ACCOUNT, 'eu-west-1', { ...whole, now: 1000 }), []);
        assert.deepEqual(
          (await kms.aliases(ACCOUNT, 'us-east-1', whole)).map(row => row.name),
          ['alias/kept'],
        );
        assert.equal(await kms.grant('grant-due'), undefined);
        assert.deepEqual(await kms.grants('kept', whole), [grant('grant-kept', 'kept')]);
        assert.deepEqual(
          (await kms.grantsRetirableBy('r', ACCOUNT, 'us-east-1', whole)).map(row => row.grantId),
          ['grant-kept'],
        );
        assert.deepEqual(await kms.key('kept'), key('kept'));
      });
    });

    it('finds the grants that some grantees have on a key', async () => {
      const held = (grantId: string, keyId: string, granteePrincipal: string) => ({
        ...grant(grantId, keyId),
        granteePrincipal,
      });
      await store.transaction(async ({ kms }) => {
        for (const row of [held('2', 'k', 'alice'), held('1', 'k', 'bob'), held('3', 'k', 'carol')])
          await kms.insertGrant(row);
        await kms.insertGrant(held('4', 'other', 'alice'));
      });
      const found = async (...grantees: string[]) =>
        (await store.read(({ kms }) => kms.grantsTo('k', grantees))).map(({ grantId }) => grantId);
      assert.deepEqual(await found('alice', 'bob', 'nobody'), ['2', '1']);
      assert.deepEqual(await found(), []);
    });

    it('undoes a transaction that fails, alone', async () => {
      const [failed, done] = await Promise.allSettled([
        store.transaction(async ({ kms }) => {
          await kms.insertKey(key('half'));
          throw new Error('no');
        }),
        store.transaction(({ kms }) => kms.insertKey(key('whole'))),
      ]);
      assert.deepEqual([failed.status, done.status], ['rejected', 'fulfilled']);
      assert.equal(await store.read(({ kms }) => kms.key('half')), undefined);
      assert.ok(await store.read(({ kms }) => kms.key('whole')));
    });
  });
