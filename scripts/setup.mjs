// `npm run setup`: everything that a fresh clone needs, and nothing where nothing changed. Plain JavaScript without
// dependencies: it runs under any Node from 18 on, before the pinned one is there. It writes inside the project only.
import { pathToFileURL } from 'node:url';
import { ensureConsole } from './setup/console.mjs';
import { ensureNode } from './setup/node.mjs';
import { ensureNodePackages } from './setup/node-packages.mjs';
import { SetupError } from './setup/process.mjs';
import { ensureTestPython, ensureWorkerPython } from './setup/python.mjs';

/**
 * @param {{ tests?: boolean }} options `tests`: also what only the tests use (pytest, boto3, the AWS CLI, ruff).
 * @returns {Promise<{ node: string, environment: NodeJS.ProcessEnv }>} the Node to run the project with, and the
 *   environment that puts it first on PATH.
 */
export async function setUp({ tests = false } = {}) {
  const startedAt = Date.now();
  const tools = await ensureNode();
  const installed = [
    tools.installed,
    await ensureNodePackages(tools),
    await ensureConsole(tools),
    await ensureWorkerPython({ tests }),
    tests && (await ensureTestPython()),
  ].filter(Boolean).length;
  if (installed > 0) console.log(`setup: ready after ${((Date.now() - startedAt) / 1000).toFixed(0)} s`);
  return { node: tools.node, environment: tools.environment };
}

/** Prints a failure as one clear line; anything unexpected keeps its stack, because that is a bug of ours. */
export function reportSetupFailure(error) {
  console.error(error instanceof SetupError ? `setup: ${error.message}` : error);
  process.exit(1);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  try {
    await setUp({ tests: process.argv.includes('--tests') });
    console.log('setup: everything is there. Next: npm run demo, or npx --no-install likeness up');
  } catch (error) {
    reportSetupFailure(error);
  }
}
