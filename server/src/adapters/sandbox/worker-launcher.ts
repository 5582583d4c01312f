/**
 * How a Python worker is started: which files it may see, with which environment, inside bubblewrap where that works
 * (design.md, decision 15). Everything outside the folders named by a launch is read-only or absent, and there is no
 * network but what a launch shares.
 */
import { execFile } from 'node:child_process';
import { lstatSync, readdirSync, readlinkSync, realpathSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { promisify } from 'node:util';
import { Fault } from '../../domain/fault.ts';

export interface WorkerLaunch {
  /** After `python -m likeness_worker`. */
  arguments: readonly string[];
  /** Folders that the worker may write to; existing, absolute. */
  writable: readonly string[];
  /** Further folders that it may read; existing, absolute. */
  readable: readonly string[];
  workingDirectory: string;
  /** Sees this machine's network; otherwise, in a sandbox, there is none. */
  sharesHostNetwork?: boolean;
  /** Ends with the server: for servers of models, never for trainings. */
  diesWithParent: boolean;
}

export interface WorkerCommand {
  file: string;
  arguments: string[];
  environment: Record<string, string>;
}

export interface WorkerLauncher {
  command(launch: WorkerLaunch): WorkerCommand;
  readonly sandboxed: boolean;
  /** Why there is no sandbox; null when there is one, or when it was switched off. */
  readonly sandboxProblem: string | null;
}

interface PythonPaths {
  executable: string;
  prefix: string;
  basePrefix: string;
  path: string[];
  worker: string | null;
}

const run = promisify(execFile);
const PROBE_TIMEOUT_MILLISECONDS = 30_000;

const PROBE_SCRIPT = `
import importlib.util, json, sys
found = importlib.util.find_spec("likeness_worker")
places = list(found.submodule_search_locations or []) if found else []
print(json.dumps({"executable": sys.executable, "prefix": sys.prefix, "basePrefix": sys.base_prefix,
  "path": sys.path, "worker": places[0] if places else None}))`;

/**
 * Asks the Python where it lives and tries the sandbox once.
 * @param options.workerPath the folder that holds the package likeness_worker, where it is not installed in the Python
 * @throws Fault unavailable with what to do, when Python or the worker is missing, or the sandbox is required and fails
 */
export async function prepareWorkerLauncher(options: {
  pythonPath: string;
  workerPath: string | null;
  sandbox: 'auto' | 'require' | 'off';
}): Promise<WorkerLauncher> {
  const environment = workerEnvironment(options.workerPath);
  const python = await probePython(options.pythonPath, environment);
  const readable = readablePaths(python);
  const parentSignal = (await canSetParentSignal()) ? ['setpriv', '--pdeathsig', 'KILL'] : [];
  const plain = (launch: WorkerLaunch): WorkerCommand => {
    const worker = [options.pythonPath, '-m', 'likeness_worker', ...launch.arguments];
    const [file = options.pythonPath, ...rest] = launch.diesWithParent ? [...parentSignal, ...worker] : worker;
    return { file, arguments: rest, environment };
  };
  if (options.sandbox === 'off') return { command: plain, sandboxed: false, sandboxProblem: null };
  const sandboxed = (launch: WorkerLaunch): WorkerCommand => ({
    file: 'bwrap',
    arguments: [
      ...sandboxArguments(launch, readable),
      options.pythonPath,
      '-m',
      'likeness_worker',
      ...launch.arguments,
    ],
    environment,
  });
  const problem = await probeSandbox(options.pythonPath, readable, environment);
  if (problem === null) return { command: sandboxed, sandboxed: true, sandboxProblem: null };
  if (options.sandbox === 'require')
    throw new Fault(
      'unavailable',
      `LIKENESS_SANDBOX is "require", but bubblewrap does not work here: ${problem}. Install bubblewrap, or set LIKENESS_SANDBOX=auto.`,
    );
  return { command: plain, sandboxed: false, sandboxProblem: problem };
}

/** Nothing of the server's own environment, which may hold its keys. */
function workerEnvironment(workerPath: string | null): Record<string, string> {
  return {
    PATH: '/usr/local/bin:/usr/bin:/bin',
    HOME: '/tmp',
    // torch and huggingface_hub ask for a user name, and a sandbox has no /etc/passwd.
    USER: 'likeness',
    LOGNAME: 'likeness',
    LANG: 'C.UTF-8',
    PYTHONUNBUFFERED: '1',
    PYTHONDONTWRITEBYTECODE: '1',
    PYTHONNOUSERSITE: '1',
    HF_HUB_OFFLINE: '1',
    TRANSFORMERS_OFFLINE: '1',
    TOKENIZERS_PARALLELISM: 'false',
    ...(workerPath === null ? {} : { PYTHONPATH: workerPath }),
  };
}

async function probePython(pythonPath: string, environment: Record<string, string>): Promise<PythonPaths> {
  let python: PythonPaths;
  try {
    const answer = await run(pythonPath, ['-c', PROBE_SCRIPT], {
      env: environment,
      timeout: PROBE_TIMEOUT_MILLISECONDS,
    });
    python = JSON.parse(answer.stdout) as PythonPaths;
  } catch (error) {
    const message = `The Python ${pythonPath} does not run (${reasonOf(error)}): run "npm run setup" first, as the user who starts the service or where that user may read it.`;
    throw new Fault('unavailable', message, { cause: error });
  }
  if (python.worker === null)
    throw new Fault('unavailable', `The Python ${pythonPath} has no likeness_worker: run "npm run setup" first.`);
  return python;
}

/** The interpreter, its libraries and the worker's own code. */
function readablePaths(python: PythonPaths): string[] {
  const places = [python.prefix, python.basePrefix, ...linkChain(python.executable).map(link => dirname(link))];
  const modules = python.path.filter(entry => entry.startsWith('/') && isDirectory(entry));
  // Of the worker only the package: its folder may lie in a home with much else.
  const worker = python.worker === null ? [] : [python.worker];
  const roots = [...places, ...modules.filter(entry => !worker.some(package_ => dirname(package_) === entry))];
  const all = [...new Set([...roots, ...worker].map(entry => resolve(entry)))].filter(entry => entry !== '/');
  return all.filter(entry => !all.some(other => other !== entry && entry.startsWith(`${other}/`)));
}

/** A venv's python is a chain of links, and each of them is followed inside the sandbox too. */
function linkChain(path: string): string[] {
  const chain = [path];
  for (let link = path; lstatSync(link).isSymbolicLink() && chain.length < 20; ) {
    link = resolve(dirname(link), readlinkSync(link));
    chain.push(link);
  }
  return [...chain, realpathSync(path)];
}

/** Without these, a network has addresses only. */
const NAME_RESOLUTION = ['/etc/resolv.conf', '/etc/hosts', '/etc/nsswitch.conf', '/etc/ssl', '/etc/ca-certificates'];

function sandboxArguments(launch: WorkerLaunch, readable: readonly string[]): string[] {
  const bind = (kind: string, paths: readonly string[]) => paths.flatMap(path => [kind, path, path]);
  return [
    // Without --new-session: SIGTERM to the group must reach the worker inside.
    '--unshare-all',
    ...(launch.sharesHostNetwork ? ['--share-net', ...bind('--ro-bind-try', NAME_RESOLUTION)] : []),
    '--cap-drop',
    'ALL',
    ...(launch.diesWithParent ? ['--die-with-parent'] : []),
    ...bind('--ro-bind', ['/usr']),
    ...rootFolders(),
    ...bind('--ro-bind-try', ['/etc/ld.so.cache', '/etc/alternatives', '/etc/localtime']),
    ...['--proc', '/proc', '--dev', '/dev', '--tmpfs', '/tmp'],
    ...graphicsDevices(),
    ...bind('--ro-bind', readable),
    ...bind('--ro-bind', launch.readable),
    ...bind('--bind', launch.writable),
    ...['--remount-ro', '/'],
    ...['--chdir', launch.workingDirectory, '--'],
  ];
}

/** /bin, /lib, … as they are here: links into /usr on most systems, folders on some. */
function rootFolders(): string[] {
  return ['/bin', '/sbin', '/lib', '/lib32', '/lib64'].flatMap(path => {
    const entry = lstatSync(path, { throwIfNoEntry: false });
    if (!entry) return [];
    return entry.isSymbolicLink() ? ['--symlink', readlinkSync(path), path] : ['--ro-bind', path, path];
  });
}

/** GPUs where there are any; on a CPU only what tells PyTorch its cores. */
function graphicsDevices(): string[] {
  const devices = readdirSync('/dev').filter(name => name.startsWith('nvidia') || name === 'kfd' || name === 'dri');
  const system = devices.length > 0 ? '/sys' : '/sys/devices/system/cpu';
  return [
    ...['--ro-bind-try', system, system],
    ...devices.flatMap(name => ['--dev-bind-try', `/dev/${name}`, `/dev/${name}`]),
  ];
}

/** @returns what goes wrong when the Python runs in the sandbox, or null */
async function probeSandbox(
  pythonPath: string,
  readable: readonly string[],
  environment: Record<string, string>,
): Promise<string | null> {
  const launch = { arguments: [], writable: [], readable: [], workingDirectory: '/tmp', diesWithParent: true };
  try {
    const command = [...sandboxArguments(launch, readable), pythonPath, '-c', 'import likeness_worker'];
    await run('bwrap', command, { env: environment, timeout: PROBE_TIMEOUT_MILLISECONDS });
    return null;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'bwrap is not installed' : reasonOf(error);
  }
}

/** What a program that was run says of its failure: its last line, else the system's word. */
function reasonOf(error: unknown): string {
  const failure = error as Error & { stderr?: string };
  return failure.stderr?.trim().split('\n').at(-1) || failure.message;
}

/** Without a sandbox util-linux ends a worker with the server; where that is missing a worker outlives kill -9 of it. */
async function canSetParentSignal(): Promise<boolean> {
  return run('setpriv', ['--pdeathsig', 'KILL', 'true']).then(
    () => true,
    () => false,
  );
}

function isDirectory(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
