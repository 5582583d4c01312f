// `npm run check`: what can be said about the sources without running them. Each counts as one test.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../setup/process.mjs';
import { failed, type Outcome, passed, runCommand, type Suite, skipped } from '../suites/suite.ts';
import { checkBoundaries } from './boundaries.ts';
import { checkSizes } from './sizes.ts';

const PYTHON_FOLDERS = ['worker', 'models', 'bench', 'e2e', 'scripts'];

const tool = (name: string) => join(projectRoot, 'node_modules/.bin', name);
const testPython = (name: string) => join(projectRoot, '.venv-test/bin', name);

function command(name: string, path: string, commandArguments: readonly string[], hint: string): Suite {
  return {
    name: `check ${name}`,
    async run() {
      const { code, output } = await runCommand(path, commandArguments);
      return code === 0 ? passed() : failed(`${output.trimEnd()}\n${hint}`);
    },
  };
}

/** @param find returns one line per violation */
function finding(name: string, find: () => Promise<string[]>): Suite {
  return {
    name: `check ${name}`,
    async run() {
      const violations = await find();
      return violations.length === 0 ? passed() : failed(violations.join('\n'));
    },
  };
}

export const checks: Suite[] = [
  command('format and lint', tool('biome'), ['ci', '--colors=off'], 'Mend with: npm run format'),
  command('types', tool('tsc'), ['--noEmit', '--pretty', 'false'], 'TypeScript says what it expected.'),
  command(
    'console types',
    tool('tsc'),
    ['--noEmit', '--pretty', 'false', '-p', 'console'],
    'TypeScript says what it expected.',
  ),
  finding('boundaries', checkBoundaries),
  command('dead exports', tool('knip'), ['--no-progress'], 'Delete what nobody uses, or do not export it.'),
  finding('sizes', checkSizes),
  command('ruff lint', testPython('ruff'), ['check', ...PYTHON_FOLDERS], 'Mend with: npm run format'),
  command('ruff format', testPython('ruff'), ['format', '--check', ...PYTHON_FOLDERS], 'Mend with: npm run format'),
  command('python types', tool('pyright'), ['--project', 'pyrightconfig.json'], 'pyright says what it expected.'),
  { name: 'check generated files', run: checkGeneratedFiles },
];

/** server/generated is made from AWS's service models: it must be what the script makes today. */
async function checkGeneratedFiles(): Promise<Outcome> {
  const script = 'scripts/generate-constraints.py';
  if (!existsSync(join(projectRoot, script))) return skipped(`generated files: ${script} is not there`);
  const { code, output } = await runCommand(testPython('python'), [script, '--check']);
  return code === 0 ? passed() : failed(`${output.trimEnd()}\nMend with: .venv-test/bin/python ${script}`);
}
