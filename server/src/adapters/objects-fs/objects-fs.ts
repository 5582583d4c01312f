import { createReadStream } from 'node:fs';
import { type FileHandle, mkdir, open, opendir, rename, rm, stat, statfs, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { isNoRoom, RESERVED_DISK_BYTES } from '../../domain/disk-room.ts';
import { Fault } from '../../domain/fault.ts';
import type { Objects } from '../../ports/objects.ts';
import type { Ids } from '../../ports/time.ts';
import { createDirectorySync } from './directory-sync.ts';

/** Small chunks of a slow client are gathered up to this size before a write. */
const WRITE_SIZE_BYTES = 1024 * 1024;
const READ_SIZE_BYTES = 256 * 1024;

const BLOB_ID = /^[0-9a-f]{32}$/;

/**
 * Blobs as files: `ab/cdef…` under a folder, by 32 hex digits. A file is written in `tmp`, fsynced, renamed into place
 * and its folder fsynced before `put` resolves, so that what was acknowledged survives kill -9 and power loss, and a
 * file outside `tmp` is always whole.
 * @param directory created where missing; one process at a time (the data folder's lock sees to it)
 */
export async function openFileObjects(directory: string, ids: Ids): Promise<Objects> {
  const temporary = join(directory, 'tmp');
  // Whatever lies here belongs to uploads that a crash cut off: nobody was told that they succeeded.
  await rm(temporary, { recursive: true, force: true });
  await mkdir(temporary, { recursive: true, mode: 0o700 });
  const directories = createDirectorySync();

  const shardOf = (blobId: string) => join(directory, blobId.slice(0, 2));
  const pathOf = (blobId: string) => {
    if (!BLOB_ID.test(blobId)) throw new Error(`A blob id is 32 hex digits; this is "${blobId}".`);
    return join(shardOf(blobId), blobId.slice(2));
  };

  async function refuseWithoutRoom(sizeBytes: number): Promise<void> {
    const { bavail, bsize } = await statfs(temporary);
    const roomBytes = bavail * bsize - RESERVED_DISK_BYTES;
    if (sizeBytes > roomBytes) throw noRoom(`${sizeBytes} bytes do not fit, ${Math.max(0, roomBytes)} are free`);
  }

  return {
    async put(source, expectedSizeBytes) {
      const blobId = Buffer.from(ids.bytes(16)).toString('hex');
      const temporaryPath = join(temporary, blobId);
      try {
        // The small ones too: the last room is for the row of a deletion, which makes more.
        await refuseWithoutRoom(expectedSizeBytes ?? 0);
        const file = await open(temporaryPath, 'wx', 0o600);
        let sizeBytes: number;
        try {
          sizeBytes = await writeAll(file, source);
          await file.sync();
        } finally {
          await file.close();
        }
        await directories.ensure(shardOf(blobId), directory);
        await rename(temporaryPath, pathOf(blobId));
        await directories.sync(shardOf(blobId));
        return { blobId, sizeBytes };
      } catch (error) {
        await rm(temporaryPath, { force: true });
        throw isNoRoom(error) ? noRoom('the disk or its quota is full', error) : error;
      }
    },

    async *get(blobId, range) {
      const stream = createReadStream(pathOf(blobId), {
        highWaterMark: READ_SIZE_BYTES,
        ...(range ? { start: range.start, end: range.end } : {}),
      });
      yield* stream as AsyncIterable<Uint8Array>;
    },

    async delete(blobId) {
      await unlink(pathOf(blobId)).catch(ignoreMissing);
    },

    async *list() {
      for await (const shard of await opendir(directory)) {
        if (!/^[0-9a-f]{2}$/.test(shard.name)) continue;
        for await (const file of await opendir(join(directory, shard.name))) {
          const blobId = shard.name + file.name;
          if (!BLOB_ID.test(blobId)) continue;
          const facts = await stat(pathOf(blobId)).catch(ignoreMissing);
          if (facts) yield { blobId, modifiedAt: facts.mtime };
        }
      }
    },
  };
}

/** Gathers chunks into large writes; holds at most one write's worth of bytes. */
async function writeAll(file: FileHandle, source: AsyncIterable<Uint8Array>): Promise<number> {
  let sizeBytes = 0;
  let waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  const flush = async () => {
    const chunks = waiting;
    const expected = waitingBytes;
    waiting = [];
    waitingBytes = 0;
    const { bytesWritten } = await file.writev(chunks);
    // A short write is what a full disk looks like before it says ENOSPC: writing the rest provokes the error itself.
    if (bytesWritten < expected) await file.appendFile(Buffer.concat(chunks).subarray(bytesWritten));
  };
  for await (const chunk of source) {
    if (chunk.byteLength === 0) continue;
    waiting.push(chunk);
    waitingBytes += chunk.byteLength;
    sizeBytes += chunk.byteLength;
    if (waitingBytes >= WRITE_SIZE_BYTES) await flush();
  }
  if (waitingBytes > 0) await flush();
  return sizeBytes;
}

function noRoom(why: string, cause?: unknown): Fault {
  return new Fault('unavailable', `The server has no room for the object: ${why}. Free some space and try again.`, {
    cause,
  });
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}
