// What the data folder says about the server that runs on it: the lock, endpoint.json and credentials. The CLI's other
// commands and the user's AWS clients read the latter two.
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import Sqlite from 'better-sqlite3';

export interface RunningEndpoint {
  /** `http://127.0.0.1:4747`. */
  endpoint: string;
  /** `https://127.0.0.1:4748`, where TLS is on. */
  tlsEndpoint?: string;
  /** PEM file with the certificate that is served there. */
  tlsCertificate?: string;
  /** Of the server process itself, not of a launcher before it. */
  pid: number;
  region: string;
  accountId: string;
  startedAt: string;
}

export interface RootCredentials {
  accessKeyId: string;
  secretAccessKey: string;
}

// A connection that nobody refers to is closed by the garbage collector, and the lock would go with it.
const held = new Set<Sqlite.Database>();

/** Another server holds the folder. */
export class DataFolderInUse extends Error {}

/**
 * Takes the folder for this process, making it where it is missing (mode 0700).
 *
 * The lock is SQLite's own on an empty database: the kernel lets go of it when the process ends, however it ends, so
 * that kill -9 leaves no stale lock. It is not inherited by children.
 * @returns what releases it
 * @throws DataFolderInUse with one line that names who holds it
 */
export function lockDataFolder(folder: string): () => void {
  makeFolder(folder);
  // SQLite says of a file only that it cannot be opened; the system says why.
  closeSync(openSync(join(folder, 'lock'), 'a', 0o600));
  // A moment's wait: another command may be looking whether the folder is in use.
  const database = new Sqlite(join(folder, 'lock'), { timeout: 250 });
  try {
    database.pragma('locking_mode = EXCLUSIVE');
    database.exec('begin exclusive');
  } catch (error) {
    database.close();
    if (!isBusy(error)) throw error;
    const holder = readEndpoint(folder);
    const who = holder ? `the server at ${holder.endpoint} (process ${holder.pid})` : 'another server';
    throw new DataFolderInUse(`${folder} is in use by ${who}. Stop it, or choose another folder with --data.`);
  }
  held.add(database);
  return () => {
    held.delete(database);
    database.close();
  };
}

/**
 * Makes a folder and those above it (mode 0700) where they are missing. Not Node's own `recursive`: that tries for ever where the
 * system says of a folder that it has no such entry and makes none (/proc).
 * @throws Error with the system's reason
 */
export function makeFolder(folder: string): void {
  const path = resolve(folder);
  if (!existsSync(path)) {
    makeFolder(dirname(path));
    mkdirSync(path, { mode: 0o700 });
  } else if (!statSync(path).isDirectory()) throw new Error(`${path} is a file, not a folder`);
}

/** Whether a server runs on the folder now: endpoint.json alone may be left over from one that was killed. */
export function isInUse(folder: string): boolean {
  if (!existsSync(join(folder, 'lock'))) return false;
  try {
    lockDataFolder(folder)();
    return false;
  } catch (error) {
    if (error instanceof DataFolderInUse) return true;
    throw error;
  }
}

export const ROWS_FILE = 'likeness.sqlite';
export const MASTER_KEY_FILE = 'master.key';

/**
 * For a store that is not there, or has no account: the folder must be a new one. Its sweeps would otherwise delete every object
 * and model as what no row names.
 * @throws Error with one line to show
 */
export function refuseUnnamedBytes(folder: string): void {
  const holding = ['objects', 'models'].filter(name => holdsFiles(join(folder, name)));
  if (holding.length === 0) return;
  throw new Error(
    `${join(folder, ROWS_FILE)} is missing or empty, but what its rows named lies beside it, in ` +
      `${holding.map(name => `${name}/`).join(' and ')}: starting anew would delete that. Restore the file from a ` +
      'copy, with its -wal file where the copy has one; or choose another folder with --data.',
  );
}

/**
 * What SQLite finds wrong with the rows, or undefined: every page is read, which takes a second a gigabyte or so. A service may be
 * running on them.
 */
export function damageOfRows(folder: string): string | undefined {
  let database: Sqlite.Database | undefined;
  try {
    database = new Sqlite(join(folder, ROWS_FILE), { readonly: true, fileMustExist: true });
    const found = String(database.pragma('quick_check(1)', { simple: true }));
    return found === 'ok' ? undefined : found.replaceAll(/\s+/g, ' ');
  } catch (error) {
    return (error as Error).message;
  } finally {
    database?.close();
  }
}

/**
 * For a store with an account: a new master key would open nothing that is there.
 * @throws Error with one line to show
 */
export function refuseLostMasterKey(folder: string): void {
  const key = join(folder, MASTER_KEY_FILE);
  if (existsSync(key)) return;
  throw new Error(
    `${key} is missing, and LIKENESS_MASTER_KEY is not set: what is in the folder was sealed with that key. ` +
      'Put the file back from a copy, or set the variable to the key that it was.',
  );
}

/** Whether there are rows at all: a start that was killed at once leaves an empty file. */
export function hasRows(folder: string): boolean {
  return (statSync(join(folder, ROWS_FILE), { throwIfNoEntry: false })?.size ?? 0) > 0;
}

function holdsFiles(folder: string): boolean {
  if (!existsSync(folder)) return false;
  // What was not whole when the service ended is nobody's.
  const entries = readdirSync(folder, { withFileTypes: true }).filter(({ name }) => !name.endsWith('tmp'));
  return entries.some(entry => !entry.isDirectory() || readdirSync(join(folder, entry.name)).length > 0);
}

export function writeEndpoint(folder: string, endpoint: RunningEndpoint): void {
  writeWhole(join(folder, 'endpoint.json'), `${JSON.stringify({ v: 1, ...endpoint }, null, 2)}\n`);
}

export function removeEndpoint(folder: string): void {
  rmSync(join(folder, 'endpoint.json'), { force: true });
}

export function readEndpoint(folder: string): RunningEndpoint | undefined {
  const path = join(folder, 'endpoint.json');
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as RunningEndpoint) : undefined;
}

/** In the format of AWS's shared credentials file, so that AWS_SHARED_CREDENTIALS_FILE may point at it; mode 0600. */
export function writeCredentials(folder: string, credentials: RootCredentials): void {
  const lines = [
    '[default]',
    `aws_access_key_id = ${credentials.accessKeyId}`,
    `aws_secret_access_key = ${credentials.secretAccessKey}`,
  ];
  writeWhole(join(folder, 'credentials'), `${lines.join('\n')}\n`);
}

export function readCredentials(folder: string): RootCredentials | undefined {
  const path = join(folder, 'credentials');
  if (!existsSync(path)) return undefined;
  const text = readFileSync(path, 'utf8');
  const accessKeyId = /^aws_access_key_id = (.+)$/m.exec(text)?.[1];
  const secretAccessKey = /^aws_secret_access_key = (.+)$/m.exec(text)?.[1];
  return accessKeyId && secretAccessKey ? { accessKeyId, secretAccessKey } : undefined;
}

/** Nothing is written until it is renamed; only the owner may read it. */
function writeWhole(path: string, text: string): void {
  writeFileSync(`${path}.tmp`, text, { mode: 0o600 });
  chmodSync(`${path}.tmp`, 0o600);
  renameSync(`${path}.tmp`, path);
}

function isBusy(error: unknown): boolean {
  return error instanceof Sqlite.SqliteError && error.code.startsWith('SQLITE_BUSY');
}
