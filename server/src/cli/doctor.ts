import { execFile } from 'node:child_process';
import { existsSync, statfsSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { Config } from '../config.ts';
import { damageOfRows, isInUse, ROWS_FILE, readEndpoint } from '../data-folder.ts';
import { settings } from './settings.ts';
import { shownPath } from './shown-path.ts';

/** `warning`: it runs, with less. `failure`: it does not. */
export interface Finding {
  state: 'ok' | 'warning' | 'failure';
  what: string;
  /** How to mend it; absent when all is well. */
  mend?: string;
}

const run = promisify(execFile);

const LITTLE_DISK_BYTES = 2 * 1024 ** 3;
const PYTHON_TIMEOUT_MILLISECONDS = 120_000;
const PYTHON_PROBE = `
import json, sys, torch, diffusers, peft, likeness_worker
device = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
name = torch.cuda.get_device_name(0) if device == "cuda" else ""
print(json.dumps({"python": sys.version.split()[0], "torch": torch.__version__, "diffusers": diffusers.__version__,
  "peft": peft.__version__, "device": device, "name": name}))`;

/** Prints a line for each thing that the service needs; the exit code is 1 when one of them is missing. */
export async function doctor(flags: { port?: string; data?: string }, environment: NodeJS.ProcessEnv): Promise<void> {
  const config = settings(flags, environment);
  const findings = [
    checkNode(),
    checkPackages(),
    checkDisk(config),
    checkFolder(config),
    ...checkRows(config),
    await checkPort(config),
    ...(await checkPython(config)),
    await checkSandbox(config),
    checkBaseModel(config),
  ];
  console.log(findings.map(describe).join('\n'));
  const failures = findings.filter(finding => finding.state === 'failure').length;
  console.log(
    failures === 0 ? '\nEverything that is needed is there.' : `\n${failures} of ${findings.length} must be mended.`,
  );
  process.exitCode = failures === 0 ? 0 : 1;
}

export function describe({ state, what, mend }: Finding): string {
  const mark = { ok: '✓', warning: '!', failure: '✗' }[state];
  return `${mark} ${what}${mend === undefined ? '' : `\n    ${mend}`}`;
}

function checkNode(): Finding {
  const usable = process.features.typescript !== false;
  return usable
    ? { state: 'ok', what: `Node ${process.versions.node}` }
    : { state: 'failure', what: `Node ${process.versions.node} is too old`, mend: 'Run: npm run setup' };
}

function checkPackages(): Finding {
  const lock = join(projectRoot(), 'node_modules', '.package-lock.json');
  return existsSync(lock)
    ? { state: 'ok', what: 'Node packages' }
    : { state: 'failure', what: 'Node packages are missing', mend: 'Run: npm run setup' };
}

function checkDisk({ dataDirectory }: Config): Finding {
  const disk = statfsSync(existingParent(dataDirectory));
  const freeBytes = disk.bavail * disk.bsize;
  const what = `${(freeBytes / 1024 ** 3).toFixed(1)} GiB free for ${shownPath(dataDirectory)}`;
  if (freeBytes >= LITTLE_DISK_BYTES) return { state: 'ok', what };
  return {
    state: 'warning',
    what,
    mend: 'A training needs about 1 GiB: make room, or choose another folder with --data.',
  };
}

function checkFolder({ dataDirectory }: Config): Finding {
  if (!existsSync(dataDirectory))
    return { state: 'ok', what: `data folder ${shownPath(dataDirectory)}: made at the first start` };
  if (!isInUse(dataDirectory))
    return { state: 'ok', what: `data folder ${shownPath(dataDirectory)}: no service is running on it` };
  const running = readEndpoint(dataDirectory);
  return {
    state: 'ok',
    what: `data folder ${shownPath(dataDirectory)}: served at ${running?.endpoint} (process ${running?.pid})`,
  };
}

/** Damage that a start would meet only where it reads the page. */
function checkRows({ dataDirectory }: Config): Finding[] {
  const path = join(dataDirectory, ROWS_FILE);
  if (!existsSync(path)) return [];
  const damage = damageOfRows(dataDirectory);
  if (damage === undefined) return [{ state: 'ok', what: `${ROWS_FILE}: whole` }];
  return [
    {
      state: 'failure',
      what: `${shownPath(path)} is damaged (${damage})`,
      mend: 'Stop the service, keep a copy of the folder, and restore it from the newest backup.',
    },
  ];
}

async function checkPort({ host, port, dataDirectory }: Config): Promise<Finding> {
  const own = isInUse(dataDirectory) ? readEndpoint(dataDirectory) : undefined;
  if (own && new URL(own.endpoint).port === String(port)) return { state: 'ok', what: `port ${port}: ours` };
  const problem = await new Promise<NodeJS.ErrnoException | undefined>(settle => {
    const probe = createServer();
    probe.once('error', settle);
    probe.listen(port, host, () => probe.close(() => settle(undefined)));
  });
  if (!problem) return { state: 'ok', what: `port ${port} on ${host} is free` };
  return {
    state: 'failure',
    what: `port ${port} on ${host} cannot be had (${problem.code})`,
    mend: 'Start with another one: likeness up --port 0 takes a free one.',
  };
}

async function checkPython({ pythonPath, workerThreads }: Config): Promise<Finding[]> {
  if (!existsSync(pythonPath))
    return [
      { state: 'failure', what: `the worker's Python ${shownPath(pythonPath)} is missing`, mend: 'Run: npm run setup' },
    ];
  // What a worker is given, not what PyTorch would take of the machine.
  const threads = `${workerThreads} ${workerThreads === 1 ? 'thread' : 'threads'} a worker`;
  try {
    const { stdout } = await run(pythonPath, ['-c', PYTHON_PROBE], { timeout: PYTHON_TIMEOUT_MILLISECONDS });
    const found: Record<string, string> = JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
    return [
      { state: 'ok', what: `Python ${found.python}, diffusers ${found.diffusers}, peft ${found.peft}` },
      { state: 'ok', what: `PyTorch ${found.torch} on ${found.device} (${found.name || threads})` },
    ];
  } catch (error) {
    const text = (error as { stderr?: string }).stderr?.trim().split('\n').at(-1) ?? String(error);
    return [{ state: 'failure', what: `the worker does not load: ${text}`, mend: 'Run: npm run setup' }];
  }
}

async function checkSandbox({ sandbox }: Config): Promise<Finding> {
  if (sandbox === 'off') return { state: 'warning', what: 'sandbox: switched off (LIKENESS_SANDBOX)' };
  try {
    await run('bwrap', ['--unshare-all', '--ro-bind', '/', '/', '--proc', '/proc', 'true'], { timeout: 10_000 });
    return { state: 'ok', what: 'sandbox: bubblewrap works, workers have no network' };
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    return {
      state: sandbox === 'require' ? 'failure' : 'warning',
      what: missing ? 'sandbox: bubblewrap is not installed' : 'sandbox: bubblewrap does not work here',
      mend: missing
        ? 'Without it workers run as you do. On Debian: apt-get install bubblewrap.'
        : 'Without it workers run as you do. The kernel must allow user namespaces.',
    };
  }
}

function checkBaseModel({ embeddedModelPath }: Config): Finding {
  const complete = ['model_index.json', 'unet/config.json', 'vae/config.json'].every(name =>
    existsSync(join(embeddedModelPath, name)),
  );
  if (complete) return { state: 'ok', what: `base model likeness.art-v1 in ${shownPath(embeddedModelPath)}` };
  return {
    state: 'failure',
    what: `the base model is not in ${shownPath(embeddedModelPath)}`,
    mend: 'It comes with the clone: git checkout -- models, or name its folder in LIKENESS_EMBEDDED_MODEL.',
  };
}

function projectRoot(): string {
  return join(import.meta.dirname, '../../..');
}

function existingParent(path: string): string {
  return existsSync(path) ? path : existingParent(dirname(path));
}
