import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { Readable } from 'node:stream';
import { SealBroken, seal, unseal } from '../../domain/encryption/sealing.ts';
import { Fault } from '../../domain/fault.ts';
import type { KeyOwner, Keyring } from '../../ports/keys.ts';
import type { ModelStore, StoredFile } from '../../ports/model-store.ts';
import type { Ids } from '../../ports/time.ts';
import { decryptChunks, encryptChunks } from './envelope.ts';

interface Manifest {
  v: 1;
  /** The data key, wrapped by the keyring. */
  wrapped: string;
  /** The list of files, sealed under the data key: which files there are is as secret and as certain as their bytes. */
  sealedFiles: string;
}

interface ListedFile {
  /** Below the model's folder, with forward slashes. */
  name: string;
  /** Name of the encrypted file. */
  blob: string;
  sizeBytes: number;
}

const MANIFEST = 'manifest.json';

/**
 * Weights of custom models as encrypted files: `<folder>/<modelId>/manifest.json` and one numbered file for each of the
 * model's. A model is there once its folder has its name: it is written beside it, synced, and renamed.
 */
export function createModelStore(deps: { folder: string; keyring: Keyring; ids: Ids }): ModelStore {
  const { folder, keyring, ids } = deps;
  const home = (modelId: string): string => {
    if (!/^[A-Za-z0-9_-]{1,64}$/.test(modelId)) throw new Error(`No model id: ${JSON.stringify(modelId)}.`);
    return join(folder, modelId);
  };

  async function saveFiles(
    modelId: string,
    files: readonly StoredFile[],
    owner: KeyOwner,
  ): Promise<{ sizeBytes: number }> {
    const { plaintext: dataKey, wrapped } = await keyring.generateDataKey(owner);
    const temporary = `${home(modelId)}.${ids.resource()}.tmp`;
    await mkdir(temporary, { recursive: true, mode: 0o700 });
    try {
      const listed: ListedFile[] = [];
      for (const { name, sizeBytes, read } of files) {
        const blob = `${String(listed.length).padStart(5, '0')}.bin`;
        await writeDurably(join(temporary, blob), encryptChunks(dataKey, name, read()));
        listed.push({ name, blob, sizeBytes });
      }
      const list = Buffer.from(JSON.stringify(listed));
      const sealedFiles = seal(dataKey, ids.bytes(12), list, filesContext(modelId, owner)).toString('base64');
      const manifest: Manifest = { v: 1, wrapped, sealedFiles };
      await writeDurably(join(temporary, MANIFEST), Readable.from([Buffer.from(JSON.stringify(manifest))]));
      await syncFolder(temporary);
      await remove(modelId, temporary);
      await rename(temporary, home(modelId));
      await syncFolder(folder);
      return { sizeBytes: listed.reduce((total, file) => total + file.sizeBytes, 0) };
    } catch (error) {
      await rm(temporary, { recursive: true, force: true });
      throw error;
    }
  }

  async function storedFiles(modelId: string, owner: KeyOwner): Promise<StoredFile[]> {
    const manifest = await readManifest(home(modelId), modelId);
    const dataKey = await keyring.unwrap(owner, manifest.wrapped);
    return wholeOrFault(modelId, async () => {
      const list = unseal(dataKey, Buffer.from(manifest.sealedFiles, 'base64'), filesContext(modelId, owner));
      const files: ListedFile[] = JSON.parse(list.toString());
      return files.map(({ name, blob, sizeBytes }) => ({
        name,
        sizeBytes,
        async *read() {
          let count = 0;
          for await (const bytes of decryptChunks(dataKey, name, createReadStream(join(home(modelId), blob)))) {
            count += bytes.byteLength;
            yield bytes;
          }
          if (count !== sizeBytes) throw new SealBroken();
        },
      }));
    });
  }

  return {
    async save(modelId, source, owner) {
      const files: StoredFile[] = [];
      for (const path of await filesBelow(source)) {
        const name = relative(source, path).split(sep).join('/');
        files.push({ name, sizeBytes: (await stat(path)).size, read: () => createReadStream(path) });
      }
      return saveFiles(modelId, files, owner);
    },

    saveFiles,

    copy: (from, to) =>
      wholeOrFault(from.modelId, async () =>
        saveFiles(to.modelId, await storedFiles(from.modelId, from.owner), to.owner),
      ),

    async files(modelId, owner) {
      const files = await storedFiles(modelId, owner);
      return files.map(file => ({
        ...file,
        async *read() {
          try {
            yield* file.read();
          } catch (error) {
            throw damage(modelId, error);
          }
        },
      }));
    },

    async open(modelId, target, owner) {
      const files = await storedFiles(modelId, owner);
      await mkdir(target, { recursive: true, mode: 0o700 });
      try {
        await wholeOrFault(modelId, async () => {
          for (const { name, read } of files) {
            const path = join(target, ...name.split('/'));
            await mkdir(dirname(path), { recursive: true, mode: 0o700 });
            await writePlain(path, read());
          }
        });
      } catch (error) {
        await rm(target, { recursive: true, force: true });
        throw error;
      }
    },

    delete: modelId => remove(modelId),

    async list() {
      const entries = await readdir(folder, { withFileTypes: true }).catch(orEmpty);
      return entries.filter(entry => entry.isDirectory() && !entry.name.includes('.')).map(entry => entry.name);
    },
  };

  /** Moved away first, so that a crash in the middle leaves no half of a model under its name. */
  async function remove(modelId: string, keep?: string): Promise<void> {
    const trash = `${home(modelId)}.${ids.resource()}.tmp`;
    try {
      await rename(home(modelId), trash);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    // Also what earlier saves and deletes of this model left half-done.
    for (const entry of await readdir(folder).catch(orEmpty))
      if (entry.startsWith(`${modelId}.`) && entry.endsWith('.tmp') && join(folder, entry) !== keep)
        await rm(join(folder, entry), { recursive: true, force: true });
  }
}

async function wholeOrFault<Result>(modelId: string, run: () => Promise<Result>): Promise<Result> {
  try {
    return await run();
  } catch (error) {
    throw damage(modelId, error);
  }
}

/** What is wrong with the stored files said as such; any other error as it is. */
function damage(modelId: string, error: unknown): unknown {
  const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
  if (!(error instanceof SealBroken) && !isMissing) return error;
  return new Fault('internal', `The stored weights of model ${modelId} were changed or are incomplete.`, {
    resource: modelId,
    cause: error,
  });
}

function filesContext(modelId: string, owner: KeyOwner): string {
  return `model-files:${modelId}:${owner.resourceArn}`;
}

async function readManifest(home: string, modelId: string): Promise<Manifest> {
  const text = await readFile(join(home, MANIFEST), 'utf8').catch(cause => {
    if (cause.code !== 'ENOENT') throw cause;
    throw new Fault('notFound', `There are no weights of model ${modelId}.`, { resource: modelId, cause });
  });
  try {
    const manifest = JSON.parse(text);
    if (manifest.v === 1 && typeof manifest.wrapped === 'string' && typeof manifest.sealedFiles === 'string')
      return manifest;
  } catch {
    // Answered below, as any other damage.
  }
  throw new Fault('internal', `The manifest of model ${modelId} is damaged.`, { resource: modelId });
}

/** Regular files only, in the order of their names; a link could lead anywhere. */
async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  return entries
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name))
    .sort();
}

async function writeDurably(path: string, source: AsyncIterable<Uint8Array>): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(source);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function writePlain(path: string, source: AsyncIterable<Uint8Array>): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(source);
  } finally {
    await file.close();
  }
}

async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, 'r');
  await handle.sync().finally(() => handle.close());
}

function orEmpty(error: NodeJS.ErrnoException): never[] {
  if (error.code === 'ENOENT') return [];
  throw error;
}
