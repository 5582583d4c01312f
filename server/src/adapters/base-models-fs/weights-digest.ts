import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** Digests of files by path, size and time of change: a base of many gigabytes is read once a process. */
const known = new Map<string, Promise<string>>();

/**
 * The sha256 of what a LoRA was trained on: of each part that model_index.json names in the folder, its *.safetensors by
 * name and digest. Configurations and the encoder of the evaluation are not in it.
 * @param path a base model's folder, or a copy of it: the digest is the same
 */
export async function weightsDigest(path: string): Promise<string> {
  const index: Record<string, unknown> = JSON.parse(await readFile(join(path, 'model_index.json'), 'utf8'));
  const whole = createHash('sha256');
  for (const part of Object.keys(index).sort()) if (Array.isArray(index[part])) await addPart(whole, path, part);
  return whole.digest('hex');
}

async function addPart(whole: Hash, path: string, part: string): Promise<void> {
  // A part may lie in an installed package: its version is pinned.
  const names = await readdir(join(path, part)).catch(() => []);
  for (const name of names.filter(file => file.endsWith('.safetensors')).sort())
    whole.update(`${part}/${name} ${await fileDigest(join(path, part, name))}\n`);
}

async function fileDigest(path: string): Promise<string> {
  const { size, mtimeMs, ino } = await stat(path);
  const key = `${path} ${ino} ${size} ${mtimeMs}`;
  let digest = known.get(key);
  if (!digest) {
    digest = hashed(path);
    known.set(key, digest);
    digest.catch(() => known.delete(key));
  }
  return digest;
}

async function hashed(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const bytes of createReadStream(path, { highWaterMark: 1024 * 1024 })) hash.update(bytes as Buffer);
  return hash.digest('hex');
}
