import { type FileHandle, mkdir, open, readdir, readFile, rename, rm, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import type { Journal, JournalPosition } from '../../ports/journal.ts';
import type { Log } from '../../ports/log.ts';
import type { Time } from '../../ports/time.ts';

export interface JournalOptions {
  folder: string;
  time: Time;
  log: Log;
  /** A file is followed by the next one when it has so many bytes, or was begun a day ago. */
  fileBytes?: number;
}

const FILE_BYTES = 16 * 1024 * 1024;
const FILE_MILLISECONDS = 24 * 60 * 60 * 1000;
/** A crash of the machine, not of the process, may lose what was written within this time. */
const SYNC_MILLISECONDS = 1000;
const CHUNK_BYTES = 256 * 1024;
const FILE_NAME = /^\d{4}-\d\d-\d\dT\d{9}Z\.jsonl$/;
const LINE_END = 0x0a;

interface Waiting {
  bytes: Buffer;
  resolve(): void;
  reject(error: unknown): void;
}

/**
 * A journal as files of JSON lines, named by the time at which they were begun. Only complete lines count: what a crash cut
 * off in the last one is removed at the next start, and readers stop before it.
 */
export async function openJournal({ folder, time, log, fileBytes = FILE_BYTES }: JournalOptions): Promise<Journal> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  let current: { name: string; handle: FileHandle; sizeBytes: number } | undefined = await reopened();
  let waiting: Waiting[] = [];
  let writing: Promise<void> | undefined;
  let syncTimer: NodeJS.Timeout | undefined;
  const path = (name: string) => join(folder, name);

  async function names(): Promise<string[]> {
    return (await readdir(folder)).filter(name => FILE_NAME.test(name)).sort();
  }

  async function reopened() {
    const name = (await names()).at(-1);
    if (name === undefined) return undefined;
    const bytes = await readFile(join(folder, name));
    const sizeBytes = bytes.lastIndexOf(LINE_END) + 1;
    if (sizeBytes < bytes.byteLength) await truncate(join(folder, name), sizeBytes);
    return { name, handle: await open(join(folder, name), 'a', 0o600), sizeBytes };
  }

  async function file(): Promise<NonNullable<typeof current>> {
    const now = time.now().getTime();
    if (current !== undefined) {
      if (current.sizeBytes < fileBytes && now - beganAt(current.name) < FILE_MILLISECONDS) return current;
      await current.handle.datasync();
      await current.handle.close();
    }
    // A clock that was set back must not put the next file before this one.
    const name = nameAt(current === undefined ? now : Math.max(now, beganAt(current.name) + 1));
    current = undefined;
    current = { name, handle: await open(path(name), 'a', 0o600), sizeBytes: 0 };
    await syncFolder(folder);
    return current;
  }

  async function writeAll(): Promise<void> {
    while (waiting.length > 0) {
      const taken = waiting;
      waiting = [];
      try {
        const to = await file();
        const bytes = Buffer.concat(taken.map(item => item.bytes));
        // What a full disk let through of it must not stand before the next line.
        await to.handle.appendFile(bytes).catch(async error => {
          await to.handle.truncate(to.sizeBytes).catch(() => undefined);
          throw error;
        });
        to.sizeBytes += bytes.byteLength;
        for (const item of taken) item.resolve();
        syncTimer ??= setTimeout(syncSoon, SYNC_MILLISECONDS).unref();
      } catch (error) {
        for (const item of taken) item.reject(error);
      }
    }
    writing = undefined;
  }

  function syncSoon(): void {
    syncTimer = undefined;
    current?.handle.datasync().catch(error => log.error({ error, folder }, 'a journal could not be made durable'));
  }

  async function sizeOf(name: string): Promise<number> {
    return current?.name === name ? current.sizeBytes : (await stat(path(name))).size;
  }

  return {
    append: lines =>
      new Promise((resolve, reject) => {
        waiting.push({ bytes: Buffer.from(lines.map(line => `${line}\n`).join('')), resolve, reject });
        writing ??= Promise.resolve().then(writeAll);
      }),

    async *backwards(before, since) {
      for (const name of (await names()).reverse()) {
        if (before !== undefined && name > before.file) continue;
        const handle = await open(path(name), 'r').catch(() => undefined);
        // It grew too old meanwhile, and so are those before it.
        if (handle === undefined) return;
        try {
          const { size, mtime } = await handle.stat();
          if (mtime < since) return;
          const end = current?.name === name ? current.sizeBytes : size;
          yield* linesBefore(handle, name, before?.file === name ? Math.min(before.offset, end) : end);
        } finally {
          await handle.close();
        }
      }
    },

    async forwards(after) {
      const all = await names();
      let [name, offset] = [after?.file ?? all[0], after?.offset ?? 0];
      if (name === undefined) return { lines: [], next: undefined };
      const isThere = all.includes(name);
      if (!isThere || offset >= (await sizeOf(name))) {
        const following = all.find(other => other > (name ?? ''));
        if (following === undefined) return { lines: [], next: after };
        [name, offset] = [following, 0];
      }
      const bytes = await bytesAt(path(name), offset, Math.min(await sizeOf(name), offset + 2 * CHUNK_BYTES) - offset);
      const whole = bytes.subarray(0, bytes.lastIndexOf(LINE_END) + 1);
      return { lines: linesOf(whole), next: { file: name, offset: offset + whole.byteLength } };
    },

    async delivered() {
      try {
        return JSON.parse(await readFile(path('delivered.json'), 'utf8'));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
        throw error;
      }
    },

    async setDelivered(position) {
      const handle = await open(path('delivered.json.tmp'), 'w', 0o600);
      await handle.writeFile(JSON.stringify(position));
      await handle.sync();
      await handle.close();
      await rename(path('delivered.json.tmp'), path('delivered.json'));
    },

    async sync() {
      await writing;
      await current?.handle.datasync();
    },

    async deleteBefore(at) {
      for (const name of await names())
        if (name !== current?.name && (await stat(path(name))).mtime < at) await rm(path(name), { force: true });
    },

    async close() {
      await writing;
      clearTimeout(syncTimer);
      await current?.handle.datasync();
      await current?.handle.close();
      current = undefined;
    },
  };
}

/** The lines of a file that end at or before a byte, the last one first. */
async function* linesBefore(
  handle: FileHandle,
  file: string,
  end: number,
): AsyncGenerator<{ line: string; at: JournalPosition }> {
  // The beginning of a line whose rest was read, and where that rest begins.
  let rest = Buffer.alloc(0);
  let start = end;
  let isFirst = true;
  while (start > 0) {
    const length = Math.min(CHUNK_BYTES, start);
    start -= length;
    const chunk = Buffer.alloc(length);
    await handle.read(chunk, 0, length, start);
    let bytes = Buffer.concat([chunk, rest]);
    if (isFirst) bytes = bytes.subarray(0, bytes.lastIndexOf(LINE_END) + 1);
    isFirst = false;
    for (;;) {
      const from = bytes.byteLength < 2 ? -1 : bytes.lastIndexOf(LINE_END, bytes.byteLength - 2);
      if (from < 0 && start > 0) break;
      if (bytes.byteLength === 0) break;
      const line = bytes.subarray(from + 1, bytes.byteLength - 1).toString('utf8');
      yield { line, at: { file, offset: start + from + 1 } };
      bytes = bytes.subarray(0, from + 1);
    }
    rest = bytes;
  }
}

async function bytesAt(path: string, offset: number, length: number): Promise<Buffer> {
  const handle = await open(path, 'r');
  try {
    const bytes = Buffer.alloc(length);
    const { bytesRead } = await handle.read(bytes, 0, length, offset);
    return bytes.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

function linesOf(bytes: Buffer): string[] {
  return bytes.toString('utf8').split('\n').slice(0, -1);
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  await handle.sync();
  await handle.close();
}

/** `2026-11-25T191233123Z.jsonl`. */
function nameAt(milliseconds: number): string {
  return `${new Date(milliseconds).toISOString().replace(/[:.]/g, '')}.jsonl`;
}

function beganAt(name: string): number {
  const parsed = /^(.{11})(\d\d)(\d\d)(\d\d)(\d{3})Z/.exec(name) ?? [];
  const [, day, hour, minute, second, millisecond] = parsed;
  return Date.parse(`${day}${hour}:${minute}:${second}.${millisecond}Z`);
}
