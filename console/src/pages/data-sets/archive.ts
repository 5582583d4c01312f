/** Files of a zip, read from its central directory: never more of it in memory than the pictures taken out. */
import type { FileEntry } from '@zip.js/zip.js';
import limits from '../../../../contract/limits.json' with { type: 'json' };
import { isText, type Refusal, refusalOf, type SourceFile, typeOf } from './files.ts';

/**
 * @param progress is told how many of the entries are read
 * @returns pictures and captions in it, and by name what is neither, too large, encrypted or damaged
 * @throws Error where the file is no zip
 */
export async function unzip(
  file: { name: string; blob: Blob },
  progress: (done: number, total: number) => void,
): Promise<{ files: SourceFile[]; refused: Refusal[] }> {
  const { BlobReader, BlobWriter, ZipReader } = await import('@zip.js/zip.js/lib/zip-core-native.js');
  // A worker of the library's would be a blob: address, which the content security policy refuses.
  const zip = new ZipReader(new BlobReader(file.blob), { useWebWorkers: false });
  const files: SourceFile[] = [];
  const refused: Refusal[] = [];
  try {
    const entries = (await zip.getEntries().catch((error: Error) => {
      throw new Error(`${file.name} is no zip that can be read: ${error.message}`);
    })) as readonly FileEntry[];
    for (const [index, entry] of entries.entries()) {
      progress(index, entries.length);
      if (entry.directory) continue;
      const path = entry.filename;
      const refusal = refusalOf(path) ?? refusalOfEntry(entry);
      if (refusal === 'ignore') continue;
      if (refusal !== undefined) {
        refused.push({ path, reason: refusal });
        continue;
      }
      try {
        const blob = await entry.getData(new BlobWriter(typeOf(path)), { checkCrc32: true });
        files.push({ path, blob });
      } catch (error) {
        refused.push({ path, reason: `damaged in the zip (${(error as Error).message})` });
      }
    }
  } finally {
    await zip.close();
  }
  return { files, refused };
}

/** The sizes are those that the directory declares: a bomb is not unpacked to find out. */
function refusalOfEntry(entry: FileEntry): string | undefined {
  if (entry.encrypted) return 'encrypted: unpack it with its password first';
  const most = isText(entry.filename) ? MOST_TEXT_BYTES : limits.trainingImage.maximumSizeBytes;
  if (entry.uncompressedSize > most) return `larger than ${most / 1024 / 1024} MB`;
  return undefined;
}

/** Ten thousand captions of the longest kind, with room. */
const MOST_TEXT_BYTES = 64 * 1024 * 1024;
