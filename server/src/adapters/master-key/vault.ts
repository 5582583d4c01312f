import { randomBytes } from 'node:crypto';
import { chmod, link, mkdir, open, readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { KEY_BYTES, NONCE_BYTES, SealBroken, seal, unseal } from '../../domain/encryption/sealing.ts';
import type { Vault } from '../../ports/keys.ts';

/**
 * Opens the vault of a data folder: the master key from the configuration (LIKENESS_MASTER_KEY), else from
 * DATA/master.key, made at random at the first start (mode 0600). Who loses it loses every secret and every model.
 *
 * @param configured 32 bytes as base64 or as 64 hexadecimal digits
 * @throws Error with one clear line for a key that is not 32 bytes
 */
export async function openVault(dataDirectory: string, configured?: string): Promise<Vault> {
  const path = join(dataDirectory, 'master.key');
  const key =
    configured === undefined
      ? parseKey(await readOrCreate(path), path)
      : parseKey(configured.trim(), 'LIKENESS_MASTER_KEY');
  return {
    seal: (plaintext, context) => seal(key, randomBytes(NONCE_BYTES), plaintext, context).toString('base64url'),
    open(sealed, context) {
      // Buffer.from skips what is no base64: a changed text must not open.
      if (!/^[A-Za-z0-9_-]+$/.test(sealed)) throw new SealBroken();
      const bytes = Buffer.from(sealed, 'base64url');
      if (bytes.toString('base64url') !== sealed) throw new SealBroken();
      return unseal(key, bytes, context);
    },
  };
}

function parseKey(text: string, source: string): Buffer {
  const key = /^[0-9a-f]{64}$/i.test(text) ? Buffer.from(text, 'hex') : Buffer.from(text, 'base64');
  if (key.length !== KEY_BYTES)
    throw new Error(
      `${source} must hold a key of 32 bytes, as base64 or as 64 hexadecimal digits; it holds ${key.length} bytes.`,
    );
  return key;
}

async function readOrCreate(path: string): Promise<string> {
  const existing = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (existing !== undefined) {
    // Restores the mode after a copy that lost it; the key opens everything.
    await chmod(path, 0o600);
    return existing.trim();
  }
  await mkdir(dirname(path), { recursive: true });
  const text = randomBytes(KEY_BYTES).toString('base64');
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  const file = await open(temporary, 'wx', 0o600);
  try {
    await file.writeFile(`${text}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  // A link, not a rename: it refuses to replace a key that another start made in the meantime.
  const linked = await link(temporary, path).catch((error: NodeJS.ErrnoException) => error);
  await rm(temporary);
  if (linked?.code === 'EEXIST') return (await readFile(path, 'utf8')).trim();
  if (linked !== undefined) throw linked;
  const folder = await open(dirname(path), 'r');
  await folder.sync().finally(() => folder.close());
  return text;
}
