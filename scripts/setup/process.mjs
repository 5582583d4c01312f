import { spawn } from 'node:child_process';
import { createWriteStream, lstatSync, mkdirSync, readlinkSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const projectRoot = resolve(fileURLToPath(import.meta.url), '../../..');
export const toolsFolder = join(projectRoot, '.tools');

/** What a person can mend; its message says how. */
export class SetupError extends Error {}

/**
 * An installation goes through a link and empties what lies behind it, which another checkout may be running on.
 * @param {string} folder that is about to be installed into
 */
export function refuseLink(folder) {
  if (!lstatSync(folder, { throwIfNoEntry: false })?.isSymbolicLink()) return;
  throw new SetupError(
    `${folder} is a link to ${readlinkSync(folder)}, and the setup writes inside the project only. Remove the link and run npm run setup again.`,
  );
}

/**
 * Runs one installation step with a progress line, its output in .tools/setup.log.
 * @param {string} title what the line says, e.g. "the Python packages of the worker (about 1 GB)"
 * @param {string} command
 * @param {string[]} commandArguments
 * @param {{ environment?: NodeJS.ProcessEnv, cwd?: string, mend: string }} options `mend`: what to do when it fails
 */
export async function installStep(title, command, commandArguments, { environment, cwd = projectRoot, mend }) {
  mkdirSync(toolsFolder, { recursive: true });
  const logPath = join(toolsFolder, 'setup.log');
  const log = createWriteStream(logPath, { flags: 'a' });
  log.write(`\n== ${new Date().toISOString()} ${title}\n$ ${command} ${commandArguments.join(' ')}\n`);
  const progress = progressLine(title);
  const tail = [];
  const code = await new Promise(settle => {
    const child = spawn(command, commandArguments, {
      cwd,
      env: environment ?? process.env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', chunk => {
        log.write(chunk);
        tail.push(
          ...String(chunk)
            .split('\n')
            .filter(line => line.trim() !== ''),
        );
        tail.splice(0, Math.max(0, tail.length - 12));
      });
    child.on('error', error => {
      tail.push(error.message);
      settle(-1);
    });
    child.on('close', settle);
  });
  log.end();
  progress.end(code === 0);
  if (code === 0) return;
  console.error(tail.map(line => `  | ${line}`).join('\n'));
  throw new SetupError(`${title} could not be installed. ${mend} The whole output: ${relative(projectRoot, logPath)}`);
}

/** On a terminal the seconds tick in place; elsewhere a line every 30 s, so that no log looks stuck. */
function progressLine(title) {
  const startedAt = Date.now();
  const seconds = () => Math.round((Date.now() - startedAt) / 1000);
  const terminal = process.stdout.isTTY;
  if (!terminal) console.log(`setup: ${title} …`);
  const timer = setInterval(
    () =>
      terminal ? process.stdout.write(`\rsetup: ${title} … ${seconds()} s`) : console.log(`setup: … ${seconds()} s`),
    terminal ? 1000 : 30_000,
  );
  return {
    end(succeeded) {
      clearInterval(timer);
      const line = `setup: ${title}: ${succeeded ? 'done' : 'failed'} after ${seconds()} s`;
      process.stdout.write(terminal ? `\r${line}\x1b[K\n` : `${line}\n`);
    },
  };
}
