// Pictures and captions files as they lie in a folder of this machine.
import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { open, readFile, stat } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { type ImageFacts, readImageFacts } from '../domain/training/image-facts.ts';
import { checkImageSize } from '../domain/training/manifest.ts';

/** What people call their pictures, of kinds that a job takes and of others: content decides, and a name is for looking only. */
const PICTURE = /\.(?:jpe?g|png|gif|webp|bmp|heic|heif|avif|tiff?|jxl)$/i;

/** Beside a picture; kohya's scripts write the second. */
const SIDECARS = ['.txt', '.caption'] as const;

/** In the order in which dataset build looks for one. */
const CAPTION_FILES = ['captions.jsonl', 'captions.csv', 'captions.tsv', 'metadata.jsonl', 'metadata.csv'];

export function isPictureName(name: string): boolean {
  return PICTURE.test(name);
}

/**
 * Files of a folder and of those below it, as trainers lay out several subjects.
 * @returns paths within it, sorted, with slashes
 */
export function filesBelow(home: string, folder = ''): string[] {
  return readdirSync(join(home, folder), { withFileTypes: true })
    .flatMap(entry => {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (!entry.isDirectory()) return isOfDataSet(path) ? [path] : [];
      return isOfDataSet(`${path}/`) ? filesBelow(home, path) : [];
    })
    .sort();
}

/** Whether a path within a data set is none of a system's files, nor of the masks, which belong to pictures beside their folder. */
export function isOfDataSet(path: string): boolean {
  const parts = path.split('/');
  const folders = parts.slice(0, -1);
  return !parts.some(part => part.startsWith('.')) && !folders.includes('masks') && !folders.includes('__MACOSX');
}

/**
 * The file that a record's S3 key is of: the end of the key is the file's path, however much of it there is.
 * @param names of the files of a data set, as paths within it
 */
export function fileOfKey(key: string, names: ReadonlySet<string>): string | undefined {
  const parts = key.split('/');
  return parts.map((_, index) => parts.slice(index).join('/')).find(path => names.has(path));
}

/**
 * The file with a picture's caption beside it, whatever case its ending has.
 * @param names of the files of the data set
 */
export function sidecarOf(picture: string, names: readonly string[]): string | undefined {
  const stem = stemOf(picture);
  const isSidecar = (name: string, ending: string) =>
    name.length === stem.length + ending.length && name.startsWith(stem) && name.toLowerCase().endsWith(ending);
  return SIDECARS.flatMap(ending => names.find(name => isSidecar(name, ending)) ?? [])[0];
}

/** Where a picture's caption is to be written. */
export function newSidecarOf(picture: string): string {
  return `${stemOf(picture)}${SIDECARS[0]}`;
}

/** Where the mask of a picture is, `masks/ron_01.png` beside ron_01.jpg; of a path, or of an S3 URI. */
export function maskOf(picture: string): string {
  const name = basename(picture);
  return `${picture.slice(0, picture.length - name.length)}masks/${stemOf(name)}.png`;
}

function stemOf(picture: string): string {
  return picture.slice(0, picture.length - extname(picture).length);
}

/** @param names of the files of a folder */
export function captionsFileOf(names: readonly string[]): string | undefined {
  return CAPTION_FILES.find(name => names.includes(name));
}

/** Whether a text holds captions for files beside it, in the place of a manifest's records of whole S3 URIs. */
export function isCaptionsFile(name: string, text: string): boolean {
  if (['.csv', '.tsv'].includes(extname(name).toLowerCase())) return true;
  let first: Record<string, unknown> | null;
  try {
    first = JSON.parse(text.replace(/^\uFEFF/, '').split(/\r?\n/, 1)[0] ?? '');
  } catch {
    return false;
  }
  const reference = first?.['image-ref'];
  if (typeof reference === 'string') return CAPTION_FILES.includes(name) && !reference.startsWith('s3://');
  return typeof first?.file_name === 'string';
}

/** What a picture is, or why a job would refuse it. */
export async function factsOfFile(path: string): Promise<ImageFacts | string> {
  const { size } = await stat(path);
  const problem = checkImageSize(size);
  if (problem !== undefined) return problem;
  const file = await open(path);
  try {
    return await readImageFacts(size, async (position, length) => {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(length), 0, length, position);
      return buffer.subarray(0, bytesRead);
    });
  } finally {
    await file.close();
  }
}

/** @returns each file that has the same bytes as an earlier one, and that one; bytes are read only where sizes agree */
export async function exactCopies<File extends { path: string }>(files: readonly File[]): Promise<[File, File][]> {
  const bySize = new Map<number, File[]>();
  for (const file of files) {
    const { size } = await stat(file.path);
    bySize.set(size, [...(bySize.get(size) ?? []), file]);
  }
  const firstOf = new Map<string, File>();
  const copies: [File, File][] = [];
  for (const file of [...bySize.values()].filter(({ length }) => length > 1).flat()) {
    const digest = createHash('sha256')
      .update(await readFile(file.path))
      .digest('hex');
    const first = firstOf.get(digest);
    if (first === undefined) firstOf.set(digest, file);
    else copies.push([file, first]);
  }
  return copies;
}
