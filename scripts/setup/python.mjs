import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { installStep, projectRoot, SetupError } from './process.mjs';
import { inputsHash, isStamped, writeStamp } from './stamp.mjs';

const OLDEST_PYTHON = [3, 11];

/** The worker's own environment, .venv. @returns whether something had to be installed. */
export async function ensureWorkerPython({ tests }) {
  const extraArguments = (process.env.TORCH_ARGS ?? '').split(/\s+/).filter(Boolean);
  const installed = await ensureEnvironment({
    folder: '.venv',
    inputs: ['worker/pyproject.toml', 'worker/constraints.txt'],
    values: extraArguments,
    title: 'the Python packages of the worker (PyTorch and diffusers, about 1.3 GB)',
    pipArguments: [...extraArguments, '-c', 'worker/constraints.txt', '-e', 'worker'],
  });
  if (!tests) return installed;
  const installedTests = await ensureEnvironment({
    folder: '.venv',
    stampName: '.likeness-stamp-tests',
    inputs: ['worker/pyproject.toml', 'worker/constraints.txt', 'models/art/requirements.txt'],
    values: extraArguments,
    title: "the Python packages of the worker's tests",
    pipArguments: [
      ...extraArguments,
      '-c',
      'worker/constraints.txt',
      '-e',
      'worker[dev]',
      '-r',
      'models/art/requirements.txt',
    ],
  });
  return installed || installedTests;
}

/** What only the tests use: AWS's own Python clients and the linters of `npm run check`. Apart, so that no user pays. */
export function ensureTestPython() {
  return ensureEnvironment({
    folder: '.venv-test',
    inputs: ['e2e/requirements.txt'],
    values: [],
    title: 'the Python packages of the tests (boto3, AWS CLI)',
    pipArguments: ['-r', 'e2e/requirements.txt'],
  });
}

async function ensureEnvironment({ folder, stampName = '.likeness-stamp', inputs, values, title, pipArguments }) {
  const home = join(projectRoot, folder);
  const python = join(home, 'bin', 'python');
  const stamp = join(home, stampName);
  // The project's own path counts: an editable install and a venv both hold absolute paths.
  const hash = inputsHash(
    inputs.map(path => join(projectRoot, path)),
    [projectRoot, ...values],
  );
  // A venv whose Python was removed or upgraded away has a dangling link here, which existsSync tells.
  if (existsSync(python) && isStamped(stamp, hash)) return false;
  if (!existsSync(python) || !runs(python, 'import pip')) {
    const basePython = findPython();
    await installStep(`a Python environment in ${folder}`, basePython, ['-m', 'venv', '--clear', home], {
      mend: 'Install the venv module of that Python (on Debian: apt-get install python3-venv) and run npm run setup again.',
    });
  }
  await installStep(title, python, ['-m', 'pip', 'install', '--disable-pip-version-check', ...pipArguments], {
    mend: 'Check the network and the free disk space, and run npm run setup again.',
  });
  writeStamp(stamp, hash);
  return true;
}

/** The newest of the usual names that is new enough and can make a venv. LIKENESS_BASE_PYTHON names one by hand. */
function findPython() {
  const names = process.env.LIKENESS_BASE_PYTHON
    ? [process.env.LIKENESS_BASE_PYTHON]
    : ['python3.13', 'python3.12', 'python3.11', 'python3'];
  const newEnough = `import sys; sys.exit(0 if sys.version_info[:2] >= (${OLDEST_PYTHON.join(', ')}) else 1)`;
  const candidates = names.filter(name => runs(name, newEnough));
  if (candidates.length === 0)
    throw new SetupError(
      `no Python ${OLDEST_PYTHON.join('.')} or newer was found (tried ${names.join(', ')}). Install one with its venv module, or name it in LIKENESS_BASE_PYTHON.`,
    );
  // Debian ships python3 without ensurepip, and `-m venv` then fails half-way.
  const complete = candidates.find(name => runs(name, 'import venv, ensurepip'));
  if (!complete)
    throw new SetupError(
      `${candidates[0]} has no venv module. On Debian and Ubuntu: apt-get install python3-venv; then run npm run setup again.`,
    );
  return complete;
}

function runs(python, statement) {
  return spawnSync(python, ['-c', statement], { stdio: 'ignore' }).status === 0;
}
