import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';

/** The hash of everything that decides an installation: files by content, and loose values. */
export function inputsHash(filePaths, values = []) {
  const hash = createHash('sha256');
  for (const path of filePaths) hash.update(`${path}\n`).update(existsSync(path) ? readFileSync(path) : 'absent');
  return hash.update(JSON.stringify(values)).digest('hex');
}

/** A stamp lies inside what it vouches for, so that deleting the folder deletes the claim that it is installed. */
export function isStamped(stampPath, hash) {
  return existsSync(stampPath) && readFileSync(stampPath, 'utf8') === hash;
}

export function writeStamp(stampPath, hash) {
  writeFileSync(stampPath, hash);
}
