import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { installStep, projectRoot, refuseLink, SetupError } from './process.mjs';
import { inputsHash, isStamped, writeStamp } from './stamp.mjs';

const OLDEST_PYTHON = [3, 11];

/** The worker's own environment, .venv; `tests`: with pytest and what the models' tests draw with. */
export function ensureWorkerPython({ tests }) {
  const torchArguments = (process.env.TORCH_ARGS ?? '').split(/\s+/).filter(Boolean);
  const constraints = [...torchArguments, '-c', 'worker/constraints.txt'];
  const worker = {
    folder: '.venv',
    stampName: '.likeness-stamp',
    inputs: ['worker/pyproject.toml', 'worker/constraints.txt'],
    values: torchArguments,
    title: 'the Python packages of the worker (PyTorch and diffusers, about 1.3 GB)',
    pipArguments: [...constraints, '-e', 'worker'],
  };
  if (!tests) return ensureEnvironment(worker);
  return ensureEnvironment({
    ...worker,
    stampName: '.likeness-stamp-tests',
    inputs: [...worker.inputs, 'models/art/requirements.txt'],
    title: 'the Python packages of the worker and its tests (PyTorch and diffusers, about 1.3 GB)',
    pipArguments: [...constraints, '-e', 'worker[dev]', '-r', 'models/art/requirements.txt'],
    implies: worker,
  });
}

/** What only the tests use: AWS's own Python clients and the linters of `npm run check`. Apart, so that no user pays. */
export function ensureTestPython() {
  return ensureEnvironment({
    folder: '.venv-test',
    stampName: '.likeness-stamp',
    inputs: ['e2e/requirements.txt'],
    values: [],
    title: 'the Python packages of the tests (boto3, AWS CLI)',
    pipArguments: ['-r', 'e2e/requirements.txt'],
  });
}

/**
 * Makes a venv where there is none and installs into it where its inputs changed.
 * @param environment `implies`: another installation into the same folder that this one contains
 * @returns whether something had to be installed
 */
async function ensureEnvironment(environment) {
  const home = join(projectRoot, environment.folder);
  const python = join(home, 'bin', 'python');
  // A venv whose Python was removed or upgraded away has a dangling link here, which existsSync tells.
  if (existsSync(python) && isStamped(stampPath(environment), stampHash(environment))) return false;
  refuseLink(home);
  if (!existsSync(python) || !runs(python, 'import pip')) {
    const basePython = findPython();
    await installStep(`a Python environment in ${environment.folder}`, basePython, ['-m', 'venv', '--clear', home], {
      mend: 'Install the venv module of that Python (on Debian: apt-get install python3-venv) and run npm run setup again.',
    });
  }
  const pipArguments = ['-m', 'pip', 'install', '--disable-pip-version-check', ...environment.pipArguments];
  await installStep(environment.title, python, pipArguments, {
    mend: 'Check the network and the free disk space, and run npm run setup again.',
  });
  for (const installed of [environment, environment.implies].filter(Boolean))
    writeStamp(stampPath(installed), stampHash(installed));
  return true;
}

function stampPath({ folder, stampName }) {
  return join(projectRoot, folder, stampName);
}

function stampHash({ inputs, values }) {
  // The project's own path counts: an editable install and a venv both hold absolute paths.
  return inputsHash(
    inputs.map(path => join(projectRoot, path)),
    [projectRoot, ...values],
  );
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
