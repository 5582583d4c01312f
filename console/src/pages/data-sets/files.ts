import { readManifest } from '../../aws/manifest-text.ts';

/** A picture that somebody brought, and what is said of it. */
export interface Brought {
  name: string;
  blob: Blob;
  caption: string;
}

const PICTURE = /\.(jpe?g|png|webp|gif|bmp|avif)$/i;

/** What was dropped: files, and the files of folders. */
export async function droppedFiles(transfer: DataTransfer): Promise<File[]> {
  // The list is gone once this event is over: entries are taken from it first.
  const entries = [...transfer.items].map(item => item.webkitGetAsEntry()).filter(entry => entry !== null);
  if (entries.length === 0) return [...transfer.files];
  return (await Promise.all(entries.map(filesOf))).flat();
}

async function filesOf(entry: FileSystemEntry): Promise<File[]> {
  if (entry.isFile)
    return [await new Promise<File>((done, failed) => (entry as FileSystemFileEntry).file(done, failed))];
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const found: FileSystemEntry[] = [];
  for (;;) {
    const part = await new Promise<FileSystemEntry[]>((done, failed) => reader.readEntries(done, failed));
    if (part.length === 0) break;
    found.push(...part);
  }
  return (await Promise.all(found.map(filesOf))).flat();
}

/** Pictures with the captions of .txt files of the same name, or of a .jsonl among them. */
export async function withCaptions(files: readonly File[]): Promise<Brought[]> {
  const captions = new Map<string, string>();
  for (const file of files) {
    if (/\.txt$/i.test(file.name)) captions.set(stem(file.name), (await file.text()).trim());
    if (/\.jsonl$/i.test(file.name))
      for (const { imageRef, caption } of readManifest(await file.text())) captions.set(stem(imageRef), caption);
  }
  return files
    .filter(file => PICTURE.test(file.name))
    .map(file => ({ name: file.name, blob: file, caption: captions.get(stem(file.name)) ?? '' }));
}

/** The sample that comes with the product: sixty drawings of Ron the dog and Smila the cat. */
export async function sampleFiles(): Promise<Brought[]> {
  const text = await (await fetch('/_console/sample/captions.jsonl')).text();
  return Promise.all(
    readManifest(text).map(async ({ imageRef, caption }) => {
      const response = await fetch(`/_console/sample/${imageRef}`);
      return { name: imageRef, blob: await response.blob(), caption };
    }),
  );
}

/** `folder/ron_01.jpg` -> `ron_01` */
function stem(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1).replace(/\.[^.]*$/, '');
}
