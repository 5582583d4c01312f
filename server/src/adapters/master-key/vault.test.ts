import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { SealBroken } from '../../domain/encryption/sealing.ts';
import { openVault } from './vault.ts';

describe('the vault', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'likeness-vault-'));
  });
  after(() => rm(folder, { recursive: true }));

  it('opens what it sealed, also after a restart', async () => {
    const sealed = (await openVault(folder)).seal(Buffer.from('secret'), 'test');
    const again = await openVault(folder);
    assert.equal(Buffer.from(again.open(sealed, 'test')).toString(), 'secret');
    assert.throws(() => again.open(sealed, 'other'), SealBroken);
  });

  it('keeps its key from other users of the machine', async () => {
    const path = join(folder, 'master.key');
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    await chmod(path, 0o644);
    await openVault(folder);
    assert.equal((await stat(path)).mode & 0o777, 0o600);
  });

  it('takes the key that the settings give, as base64 or hexadecimal', async () => {
    const key = randomBytes(32);
    const sealed = (await openVault(folder, key.toString('hex'))).seal(Buffer.from('x'), 'test');
    assert.equal(Buffer.from((await openVault(folder, key.toString('base64'))).open(sealed, 'test')).toString(), 'x');
    const opened = await openVault(folder);
    assert.throws(() => opened.open(sealed, 'test'), SealBroken);
    await assert.rejects(openVault(folder, 'short'), /LIKENESS_MASTER_KEY must hold a key of 32 bytes/);
  });

  it('says which file is damaged', async () => {
    const damaged = await mkdtemp(join(folder, 'damaged-'));
    await writeFile(join(damaged, 'master.key'), 'nonsense');
    await assert.rejects(openVault(damaged), /master\.key must hold a key of 32 bytes/);
  });

  it('makes one key when two start together', async () => {
    const shared = join(folder, 'shared');
    const vaults = await Promise.all([openVault(shared), openVault(shared), openVault(shared)]);
    const kept = await openVault(shared);
    for (const vault of vaults) assert.ok(kept.open(vault.seal(Buffer.from('x'), 'c'), 'c'));
  });

  it('never opens a text that was changed', async () => {
    const vault = await openVault(folder);
    const sealed = vault.seal(Buffer.from('a session'), 'session-token');
    fc.assert(
      fc.property(fc.nat(sealed.length - 1), fc.constantFrom(...'ABab01_-+/= '), (at, character) => {
        const changed = sealed.slice(0, at) + character + sealed.slice(at + 1);
        if (changed !== sealed) assert.throws(() => vault.open(changed, 'session-token'), SealBroken);
      }),
    );
  });
});
