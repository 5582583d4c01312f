import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, describe, it } from 'node:test';
import { openVault } from '../../src/adapters/master-key/vault.ts';
import { createModelStore } from '../../src/adapters/models-fs/models.ts';
import { openSqliteStore } from '../../src/adapters/store-sql/database.ts';
import { systemIds, systemTime } from '../../src/adapters/system.ts';
import { Fault } from '../../src/domain/fault.ts';
import type { RequestContext } from '../../src/domain/operation.ts';
import type { KeyOwner, Keyring } from '../../src/ports/keys.ts';
import type { ModelStore } from '../../src/ports/model-store.ts';
import type { Store } from '../../src/ports/store.ts';
import { sweepModels } from '../../src/reconcile/sweep-models.ts';
import { createKeyring } from '../../src/services/kms/keyring.ts';
import { createKmsService } from '../../src/services/kms/service.ts';

const ACCOUNT = '111122223333';
const RESOURCE = `arn:aws:bedrock:us-east-1:${ACCOUNT}:custom-model/x/aaaaaaaaaaaa`;

describe('the model store', () => {
  let home: string;
  let store: Store;
  let keyring: Keyring;
  let models: ModelStore;
  let weights: string;
  let keyArn: string;
  let call: (operation: string, input: object) => Promise<Record<string, unknown>>;
  const big = randomBytes(2_500_000);

  before(async () => {
    home = await mkdtemp(join(tmpdir(), 'likeness-models-'));
    store = await openSqliteStore(join(home, 'rows.sqlite'));
    const deps = { store, vault: await openVault(home), ids: systemIds(), time: systemTime() };
    keyring = createKeyring(deps);
    models = createModelStore({ folder: join(home, 'models'), keyring, ids: deps.ids });
    await mkdir(join(home, 'models'));
    weights = join(home, 'weights');
    await mkdir(join(weights, 'unet'), { recursive: true });
    await writeFile(join(weights, 'unet/adapter.safetensors'), big);
    await writeFile(join(weights, 'adapter.json'), '{"rank": 16}');
    await writeFile(join(weights, 'empty'), '');
    const { operations } = createKmsService(deps);
    const principal = { type: 'root', arn: `arn:aws:iam::${ACCOUNT}:root`, accountId: ACCOUNT, userId: ACCOUNT };
    const ctx = { accountId: ACCOUNT, region: 'us-east-1', principal, now: new Date() } as unknown as RequestContext;
    call = async (operation, input) => (await operations[operation]?.handle(input as never, ctx)) as never;
    keyArn = ((await call('CreateKey', {})).KeyMetadata as { Arn: string }).Arn;
  });
  after(async () => {
    await store.close();
    await rm(home, { recursive: true });
  });

  const owner = (keyArnOfOwner: string | null, resourceArn = RESOURCE): KeyOwner => ({
    accountId: ACCOUNT,
    region: 'us-east-1',
    keyArn: keyArnOfOwner,
    resourceArn,
  });
  const fresh = () => join(home, `out-${randomBytes(6).toString('hex')}`);
  const faultOf = async (opening: Promise<unknown>): Promise<Fault> => {
    const error = await opening.then(
      () => assert.fail('opened'),
      (caught: unknown) => caught,
    );
    assert.ok(error instanceof Fault, String(error));
    return error;
  };

  for (const [whose, key] of [
    ["the service's", () => null],
    ["a customer's", () => keyArn],
  ] as const)
    it(`gives every file back, under ${whose} key`, async () => {
      const { sizeBytes } = await models.save('m1', weights, owner(key()));
      assert.equal(sizeBytes, big.length + 12);
      const target = fresh();
      await models.open('m1', target, owner(key()));
      assert.ok(big.equals(await readFile(join(target, 'unet/adapter.safetensors'))));
      assert.equal(await readFile(join(target, 'adapter.json'), 'utf8'), '{"rank": 16}');
      assert.deepEqual((await readdir(target)).sort(), ['adapter.json', 'empty', 'unet']);
      assert.equal((await stat(target)).mode & 0o777, 0o700);
    });

  it('copies under another key and id, gives files one by one, and copies nothing that is damaged', async () => {
    const other = owner(keyArn, RESOURCE.replace('aaaaaaaaaaaa', 'bbbbbbbbbbbb'));
    await models.save('source', weights, owner(null));
    const to = { modelId: 'target', owner: other };
    const { sizeBytes } = await models.copy({ modelId: 'source', owner: owner(null) }, to);
    assert.equal(sizeBytes, big.length + 12);
    await models.delete('source');
    const files = await models.files('target', other);
    assert.deepEqual(
      files.map(file => [file.name, file.sizeBytes]),
      [
        ['adapter.json', 12],
        ['empty', 0],
        ['unet/adapter.safetensors', big.length],
      ],
    );
    const [read = []] = files.slice(2).map(file => file.read());
    assert.ok(big.equals(Buffer.concat(await Readable.from(read).toArray())));
    await writeFile(join(home, 'models/target/00002.bin'), big);
    const damaged = models.copy(to, { modelId: 'third', owner: owner(null) });
    assert.match((await faultOf(damaged)).message, /weights of model target were changed/);
    assert.ok(!(await models.list()).includes('third'));
  });

  it('keeps neither weights nor their names in the clear', async () => {
    await models.save('m2', weights, owner(null));
    const folder = join(home, 'models/m2');
    for (const name of await readdir(folder)) {
      const bytes = await readFile(join(folder, name));
      assert.equal(bytes.includes('rank'), false);
      assert.equal(bytes.includes('safetensors'), false);
      assert.equal(bytes.includes(big.subarray(1000, 1040)), false);
    }
  });

  it('does not follow links out of the folder', async () => {
    const linked = fresh();
    await mkdir(linked);
    await symlink('/etc/passwd', join(linked, 'passwd'));
    await writeFile(join(linked, 'a'), 'a');
    await models.save('m3', linked, owner(null));
    const target = fresh();
    await models.open('m3', target, owner(null));
    assert.deepEqual(await readdir(target), ['a']);
  });

  it('opens nothing, and leaves nothing, when a byte of any file was changed', async () => {
    await models.save('m4', weights, owner(null));
    const folder = join(home, 'models/m4');
    for (const name of await readdir(folder)) {
      const path = join(folder, name);
      const bytes = await readFile(path);
      const changed = Buffer.from(bytes);
      const middle = changed.length >> 1;
      changed[middle] = (changed[middle] ?? 0) ^ 1;
      await writeFile(path, changed);
      const target = fresh();
      assert.match((await faultOf(models.open('m4', target, owner(null)))).message, /m4|cannot be opened/);
      await assert.rejects(stat(target), { code: 'ENOENT' });
      await writeFile(path, bytes);
    }
    await rm(join(folder, '00001.bin'));
    assert.match((await faultOf(models.open('m4', fresh(), owner(null)))).message, /changed or are incomplete/);
  });

  it('does not open one model as another, or for another owner', async () => {
    await models.save('m5', weights, owner(null));
    await models.save('m6', weights, owner(null, `${RESOURCE}6`));
    await rm(join(home, 'models/m5'), { recursive: true });
    const { rename } = await import('node:fs/promises');
    await rename(join(home, 'models/m6'), join(home, 'models/m5'));
    await faultOf(models.open('m5', fresh(), owner(null)));
    await faultOf(models.open('m5', fresh(), owner(null, `${RESOURCE}6`)));
  });

  it('replaces, deletes and lists', async () => {
    await models.save('m7', weights, owner(null));
    await models.save('m7', weights, owner(null));
    assert.ok((await models.list()).includes('m7'));
    await models.delete('m7');
    await models.delete('m7');
    assert.equal((await models.list()).includes('m7'), false);
    assert.equal((await faultOf(models.open('m7', fresh(), owner(null)))).kind, 'notFound');
    assert.deepEqual(
      (await readdir(join(home, 'models'))).filter(name => name.endsWith('.tmp')),
      [],
    );
    await assert.rejects(models.delete('../rows'), /No model id/);
  });

  it("is closed while the customer's key is disabled, and for good once its grant is revoked", async () => {
    const resourceArn = `${RESOURCE}8`;
    await models.save('m8', weights, owner(keyArn, resourceArn));
    await call('DisableKey', { KeyId: keyArn });
    assert.equal((await faultOf(models.open('m8', fresh(), owner(keyArn, resourceArn)))).code, 'DisabledException');
    await call('EnableKey', { KeyId: keyArn });
    await models.open('m8', fresh(), owner(keyArn, resourceArn));
    const { Grants } = (await call('ListGrants', { KeyId: keyArn })) as { Grants: { GrantId: string; Name: string }[] };
    const grant = Grants.find(({ Name }) => Name === `bedrock:${resourceArn}`);
    assert.ok(grant);
    await call('RevokeGrant', { KeyId: keyArn, GrantId: grant.GrantId });
    assert.equal((await faultOf(models.open('m8', fresh(), owner(keyArn, resourceArn)))).kind, 'denied');
  });

  it('gives its grant back with the model', async () => {
    const mine = owner(keyArn, `${RESOURCE}9`);
    await models.save('m9', weights, mine);
    await keyring.release(mine);
    const { Grants } = (await call('ListGrants', { KeyId: keyArn })) as { Grants: { Name: string }[] };
    assert.equal(
      Grants.some(({ Name }) => Name === `bedrock:${mine.resourceArn}`),
      false,
    );
  });

  it('is swept of weights that no model or job names', async () => {
    await models.save('orphan', weights, owner(null));
    const time = systemTime();
    const deleted = await sweepModels({ store, modelStore: models, keyring, time });
    assert.ok(deleted.includes('orphan'));
    assert.deepEqual(await models.list(), []);
    assert.deepEqual(await sweepModels({ store, modelStore: models, keyring, time }), []);
  });

  it('keeps a checkpoint until its time is over, and what is on its way to a model of its own', async () => {
    const kept = { modelId: 'm10', expiresAt: Date.now() + 60_000 };
    await store.transaction(rows =>
      rows.bedrock.insertCheckpoints([
        { ...kept, weightsId: 'm10-step-5', kind: 'checkpoint', step: 5 },
        { ...kept, weightsId: 'm10-step-9', kind: 'checkpoint', step: 9, expiresAt: Date.now() - 1 },
        { ...kept, weightsId: 'becoming', kind: 'copy', step: null },
        { ...kept, weightsId: 'm10-samples', kind: 'samples', step: null },
      ]),
    );
    for (const id of ['m10-step-5', 'm10-step-9', 'becoming', 'm10-samples'])
      await models.save(id, weights, owner(null));
    assert.deepEqual(await sweepModels({ store, modelStore: models, keyring, time: systemTime() }), ['m10-step-9']);
    const listed = await store.read(rows => rows.bedrock.checkpointsOf('m10', Date.now()));
    assert.deepEqual(listed, [{ ...kept, weightsId: 'm10-step-5', kind: 'checkpoint', step: 5 }]);
    assert.deepEqual(await store.read(rows => rows.bedrock.checkpointsOf('m10', kept.expiresAt)), []);
    const samples = await store.read(rows => rows.bedrock.samplesOf('m10', Date.now()));
    assert.deepEqual(samples, { ...kept, weightsId: 'm10-samples', kind: 'samples', step: null });
    assert.equal(await store.read(rows => rows.bedrock.samplesOf('m10', kept.expiresAt)), undefined);
    const forgotten = await store.transaction(rows => rows.bedrock.deleteCheckpointsOf('m10'));
    assert.deepEqual(forgotten.toSorted(), ['m10-samples', 'm10-step-5']);
    await store.transaction(rows => rows.bedrock.deleteCheckpoint('becoming'));
    const deleted = await sweepModels({ store, modelStore: models, keyring, time: systemTime() });
    assert.deepEqual(deleted.toSorted(), ['becoming', 'm10-samples', 'm10-step-5']);
  });

  it('does not take a key that is not there, disabled, or of another Region', async () => {
    const absent = keyArn.replace(/[^/]+$/, '00000000-0000-4000-8000-000000000000');
    assert.equal((await faultOf(keyring.resolve(absent, ACCOUNT, 'us-east-1'))).kind, 'invalid');
    assert.equal((await faultOf(keyring.resolve(keyArn, ACCOUNT, 'eu-west-1'))).kind, 'invalid');
    await call('DisableKey', { KeyId: keyArn });
    assert.match((await faultOf(keyring.resolve(keyArn, ACCOUNT, 'us-east-1'))).message, /state is Disabled/);
    await call('EnableKey', { KeyId: keyArn });
    assert.equal(await keyring.resolve(keyArn.split('/').at(-1) ?? '', ACCOUNT, 'us-east-1'), keyArn);
  });
});
