import type { Objects } from '../../ports/objects.ts';

/**
 * When a replaced blob may go: rows forget a blob in a transaction, but a reader that began before may still be on its
 * way to it (a download opens one part after the other). So a blob is deleted once every reader that had begun when it
 * was given up has ended. A crash in between leaves it to the sweep.
 */
export interface BlobKeeper {
  /** Begins to read: call it before the rows are read. Call the result, once or more, when the last byte is out. */
  beginReading(): () => void;
  /** Gives up blobs that no row names any more. Never rejects: what stays is swept. */
  discard(blobIds: readonly string[]): void;
}

export function createBlobKeeper(objects: Objects): BlobKeeper {
  const readers = new Set<symbol>();
  const waiting = new Set<{ blobIds: readonly string[]; readers: Set<symbol> }>();

  /** One after another: a hundred thousand at once would stand before every other use of the disk. */
  async function deleteNow(blobIds: readonly string[]): Promise<void> {
    for (const blobId of blobIds) await objects.delete(blobId).catch(() => undefined);
  }

  return {
    beginReading() {
      const reader = Symbol('reader');
      readers.add(reader);
      return () => {
        if (!readers.delete(reader)) return;
        for (const item of waiting) {
          item.readers.delete(reader);
          if (item.readers.size > 0) continue;
          waiting.delete(item);
          deleteNow(item.blobIds);
        }
      };
    },
    discard(blobIds) {
      if (blobIds.length === 0) return;
      if (readers.size === 0) deleteNow(blobIds);
      else waiting.add({ blobIds, readers: new Set(readers) });
    },
  };
}
