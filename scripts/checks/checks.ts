// `npm run check`: what can be said about the sources without running them. Each counts as one test.
import { join, relative } from 'node:path';
import { projectRoot } from '../setup/process.mjs';
import { failed, type Outcome, passed, runCommand, type Suite } from '../suites/suite.ts';
import { checkBoundaries } from './boundaries.ts';
import { checkFirstLoad } from './first-load.ts';
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
  finding('first load of the console', () => checkFirstLoad()),
  command('ruff lint', testPython('ruff'), ['check', ...PYTHON_FOLDERS], 'Mend with: npm run format'),
  command('ruff format', testPython('ruff'), ['format', '--check', ...PYTHON_FOLDERS], 'Mend with: npm run format'),
  command('python types', tool('pyright'), ['--project', 'pyrightconfig.json'], 'pyright says what it expected.'),
  { name: 'check generated files', run: checkGeneratedFiles },
];

/** Scripts whose files must be what they make today, each with what runs it. */
const GENERATORS: readonly [interpreter: string, script: string][] = [
  [testPython('python'), 'scripts/generate-constraints.py'],
  [process.execPath, 'scripts/generate-api-coverage.ts'],
];

async function checkGeneratedFiles(): Promise<Outcome> {
  for (const [interpreter, script] of GENERATORS) {
    const { code, output } = await runCommand(interpreter, [script, '--check']);
    if (code !== 0) return failed(`${output.trimEnd()}\nMend with: ${relative(projectRoot, interpreter)} ${script}`);
  }
  return passed();
}
