import { mkdir, open } from 'node:fs/promises';

export interface DirectorySync {
  /** Creates a folder, durably, the first time that it is asked for. */
  ensure(directory: string, parent: string): Promise<void>;
  /** Makes renames into a folder durable; renames that wait together share one fsync. */
  sync(directory: string): Promise<void>;
}

/** An fsync that began before a rename may not cover it, so a caller joins the next one, never the running one. */
export function createDirectorySync(): DirectorySync {
  const made = new Map<string, Promise<void>>();
  const running = new Map<string, Promise<void>>();
  const next = new Map<string, Promise<void>>();

  function sync(directory: string): Promise<void> {
    const current = running.get(directory);
    if (!current) {
      const started = fsyncDirectory(directory).finally(() => running.delete(directory));
      running.set(directory, started);
      return started;
    }
    let following = next.get(directory);
    if (!following) {
      const start = () => {
        next.delete(directory);
        return sync(directory);
      };
      following = current.then(start, start);
      next.set(directory, following);
    }
    return following;
  }

  return {
    sync,
    ensure(directory, parent) {
      let making = made.get(directory);
      if (!making) {
        making = mkdir(directory, { recursive: true, mode: 0o700 }).then(() => sync(parent));
        made.set(directory, making);
        making.catch(() => made.delete(directory));
      }
      return making;
    },
  };
}

async function fsyncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
