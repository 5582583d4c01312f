/**
 * Short-lived private folders outside the data folder: sockets (a Unix socket's path is at most 107 bytes) and decrypted
 * weights (in memory where the machine has /dev/shm). A folder's name tells the server that owns it, so that the next one
 * removes what a kill -9 left behind.
 */
import { mkdtempSync, readdirSync, readlinkSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type GroupLeader, leaderOf } from '../sandbox/process-group.ts';

export interface RuntimeFolder {
  /** Of sockets and logs. */
  sockets: string;
  weights: string;
  delete(): void;
}

/** @param parent a short absolute path: $XDG_RUNTIME_DIR or /tmp */
export function createRuntimeFolder(parent: string): RuntimeFolder {
  const owner = leaderOf(process.pid);
  const weightsParent = isWritableFolder('/dev/shm') ? '/dev/shm' : parent;
  for (const place of new Set([parent, weightsParent])) removeAbandoned(place);
  const sockets = createIn(parent, owner);
  const weights = createIn(weightsParent, owner);
  return {
    sockets,
    weights,
    delete() {
      for (const folder of [sockets, weights]) rmSync(folder, { recursive: true, force: true });
    },
  };
}

function createIn(parent: string, owner: GroupLeader): string {
  // mkdtemp makes it with mode 0700.
  return mkdtempSync(join(parent, `${prefix()}${owner.pid}-${owner.startTicks}-`));
}

/** Pids mean something within one pid namespace only: containers may share a /tmp. */
function prefix(): string {
  const namespace = /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? '0';
  return `likeness-${process.getuid?.() ?? 0}-${namespace}-`;
}

function removeAbandoned(parent: string): void {
  for (const name of readdirSync(parent)) {
    const match = name.startsWith(prefix()) ? /^(\d+)-(\d+)-/.exec(name.slice(prefix().length)) : null;
    if (match && !isOwner(Number(match[1]), Number(match[2])))
      rmSync(join(parent, name), { recursive: true, force: true });
  }
}

function isOwner(pid: number, startTicks: number): boolean {
  try {
    return leaderOf(pid).startTicks === startTicks;
  } catch {
    return false;
  }
}

function isWritableFolder(path: string): boolean {
  const found = statSync(path, { throwIfNoEntry: false });
  // Sticky and writable by all, as /dev/shm is everywhere; root may write anyhow.
  return found?.isDirectory() === true && (found.mode & 0o002) !== 0;
}
