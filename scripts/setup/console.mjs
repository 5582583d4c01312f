import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { installStep, projectRoot } from './process.mjs';
import { inputsHash, isStamped, writeStamp } from './stamp.mjs';

/** Builds what the server shows under /_console/, into console/dist. @returns whether it had to build */
export async function ensureConsole({ node, environment }) {
  const folder = join(projectRoot, 'console');
  const stamp = join(folder, 'dist', '.likeness-stamp');
  const sources = ['src', 'build', 'public', '../docs'].flatMap(name => filesUnder(join(folder, name)));
  const others = [
    'console/index.html',
    'console/package.json',
    'console/vite.config.ts',
    'contract/limits.json',
    'models/art/sample/captions.jsonl',
  ];
  const hash = inputsHash([...sources, ...[...others, 'package-lock.json'].map(path => join(projectRoot, path))]);
  if (isStamped(stamp, hash)) return false;
  const vite = join(projectRoot, 'node_modules/vite/bin/vite.js');
  await installStep('the console', node, [vite, 'build', '--logLevel', 'warn'], {
    environment,
    cwd: folder,
    mend: 'Run npm run setup again.',
  });
  writeStamp(stamp, hash);
  return true;
}

/** Sorted, whatever order the file system has. */
function filesUnder(folder) {
  return readdirSync(folder, { recursive: true })
    .map(name => join(folder, name))
    .filter(path => statSync(path).isFile())
    .sort();
}
