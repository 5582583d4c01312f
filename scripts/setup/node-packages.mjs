import { join } from 'node:path';
import { npmCommand } from './node.mjs';
import { installStep, projectRoot, refuseLink } from './process.mjs';
import { inputsHash, isStamped, writeStamp } from './stamp.mjs';

/** `npm ci --ignore-scripts`: no package of ours needs an install script. @returns whether it had to install. */
export async function ensureNodePackages({ node, environment }) {
  const modules = join(projectRoot, 'node_modules');
  const stamp = join(modules, '.likeness-stamp');
  const hash = inputsHash(
    ['package.json', 'package-lock.json', 'server/package.json', 'console/package.json'].map(path =>
      join(projectRoot, path),
    ),
  );
  if (isStamped(stamp, hash)) return false;
  refuseLink(modules);
  const { command, commandArguments } = npmCommand(node, ['ci', '--ignore-scripts', '--no-audit', '--no-fund']);
  await installStep('the Node packages', command, commandArguments, {
    environment,
    mend: 'Check the network and run npm run setup again.',
  });
  writeStamp(stamp, hash);
  return true;
}
