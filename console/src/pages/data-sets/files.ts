import { readCaptions } from './caption-files.ts';

/** A file that was chosen, dropped, or taken out of a zip. */
export interface SourceFile {
  /** With the folders it lies in. */
  path: string;
  blob: Blob;
}

/** A picture that somebody brought, and what is said of it. */
export interface Brought {
  name: string;
  blob: Blob;
  caption: string;
  /** Of its subject, where one came along. */
  mask: Blob | undefined;
}

export interface Refusal {
  path: string;
  reason: string;
}

const TYPES: Readonly<Record<string, string>> = {
  ...{ jpg: 'image/jpeg', jpeg: 'image/jpeg', png: 'image/png', webp: 'image/webp', gif: 'image/gif' },
  ...{ bmp: 'image/bmp', avif: 'image/avif', txt: 'text/plain', caption: 'text/plain', jsonl: 'application/jsonl' },
  ...{ csv: 'text/csv', tsv: 'text/tab-separated-values' },
};
/** What systems leave in folders and zips beside the files of a person. */
const LEFT_BY_SYSTEMS = /(^|\/)(__MACOSX\/|\.|Thumbs\.db$|desktop\.ini$)/i;

export function isText(path: string): boolean {
  return /\.(txt|caption|jsonl|csv|tsv)$/i.test(path);
}

export function isZip(path: string): boolean {
  return /\.zip$/i.test(path);
}

/** The media type that a file's name promises. */
export function typeOf(path: string): string {
  return TYPES[extensionOf(path)] ?? '';
}

/** Why a file is not taken; `ignore` where nobody would miss it; undefined where it is taken. */
export function refusalOf(path: string): string | undefined {
  if (LEFT_BY_SYSTEMS.test(path)) return 'ignore';
  if (isZip(path)) return 'a zip in a zip: unpack it first';
  if (/\.(heic|heif)$/i.test(path)) return 'HEIC: export it as JPEG first';
  return typeOf(path) === '' ? 'no picture, and no captions (.txt, .jsonl, .csv or .tsv)' : undefined;
}

/** What was dropped: files, and the files of folders. */
export async function droppedFiles(transfer: DataTransfer): Promise<SourceFile[]> {
  // The list is gone once this event is over: entries are taken from it first.
  const entries = [...transfer.items].map(item => item.webkitGetAsEntry()).filter(entry => entry !== null);
  if (entries.length === 0) return chosenFiles([...transfer.files]);
  return (await Promise.all(entries.map(filesOf))).flat();
}

/** Files of a field, with their folders where a folder was chosen. */
export function chosenFiles(files: readonly File[]): SourceFile[] {
  return files.map(file => ({ path: file.webkitRelativePath || file.name, blob: file }));
}

async function filesOf(entry: FileSystemEntry): Promise<SourceFile[]> {
  if (entry.isFile) {
    const blob = await new Promise<File>((done, failed) => (entry as FileSystemFileEntry).file(done, failed));
    return [{ path: entry.fullPath.replace(/^\//, ''), blob }];
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const found: FileSystemEntry[] = [];
  for (;;) {
    const part = await new Promise<FileSystemEntry[]>((done, failed) => reader.readEntries(done, failed));
    if (part.length === 0) break;
    found.push(...part);
  }
  return (await Promise.all(found.map(filesOf))).flat();
}

/**
 * Pictures with the captions of .txt files of the same name, or of a .jsonl, .csv or .tsv among them. The file in the picture's
 * own folder is asked first; one elsewhere speaks only where no two pictures have that name. `masks/a.png` beside `a.jpg` is its
 * mask, as `likeness dataset mask` leaves it.
 * @returns the pictures; captions of others, by the name of the picture without its ending; and by name what is neither
 */
export async function withCaptions(
  files: readonly SourceFile[],
): Promise<{ brought: Brought[]; others: Map<string, string>; refused: Refusal[] }> {
  const besides = new Map<string, string>();
  const anywhere = new Map<string, string>();
  const refused: Refusal[] = [];
  const pictures: SourceFile[] = [];
  for (const file of files) {
    const refusal = refusalOf(file.path);
    if (refusal === 'ignore') continue;
    if (refusal !== undefined) {
      refused.push({ path: file.path, reason: refusal });
      continue;
    }
    if (!isText(file.path)) {
      pictures.push(file);
      continue;
    }
    const text = await textOf(file.blob);
    if (text === undefined) refused.push({ path: file.path, reason: 'not UTF-8 text: save it as UTF-8' });
    // kohya's scripts look for .caption.
    else if (/\.(txt|caption)$/i.test(file.path)) {
      const caption = text.replaceAll(/\s+/g, ' ').trim();
      besides.set(withoutExtension(file.path), caption);
      anywhere.set(stem(file.path), caption);
    } else {
      const folder = file.path.slice(0, file.path.lastIndexOf('/') + 1);
      const captions = readCaptions(text, file.path);
      if (captions.length === 0) refused.push({ path: file.path, reason: NO_CAPTIONS });
      for (const { file: picture, caption } of captions) {
        besides.set(withoutExtension(folder + picture), caption);
        anywhere.set(stem(picture), caption);
      }
    }
  }
  const masks = masksOf(pictures);
  const ownPictures = pictures.filter(picture => !masks.has(picture));
  const maskOf = new Map([...masks].map(([{ blob }, picture]) => [picture, blob]));
  const named = new Map<string, number>();
  for (const { path } of ownPictures) named.set(stem(path), 1 + (named.get(stem(path)) ?? 0));
  const brought = ownPictures.map(picture => {
    const { path, blob } = picture;
    const elsewhere = named.get(stem(path)) === 1 ? anywhere.get(stem(path)) : undefined;
    const caption = besides.get(withoutExtension(path)) ?? elsewhere ?? '';
    return { name: path.slice(path.lastIndexOf('/') + 1), blob, caption, mask: maskOf.get(picture) };
  });
  for (const { path } of ownPictures) anywhere.delete(stem(path));
  return { brought, others: anywhere, refused };
}

const NO_CAPTIONS = 'no captions in it: each line needs a file_name and a caption';

/** Which of the pictures are masks, and of which other one each is. */
function masksOf(pictures: readonly SourceFile[]): Map<SourceFile, SourceFile> {
  const named = Map.groupBy(pictures, ({ path }) => withoutExtension(path));
  const masks = new Map<SourceFile, SourceFile>();
  for (const file of pictures) {
    const [, folder, name] = /^(.*\/|)masks\/([^/]+)\.png$/i.exec(file.path) ?? [];
    const ofName = name === undefined ? undefined : named.get(`${folder}${name}`);
    if (ofName?.length === 1 && ofName[0]) masks.set(file, ofName[0]);
  }
  return masks;
}

/** The sample that comes with the product: sixty drawings of Ron the dog and Smila the cat. */
export async function sampleFiles(): Promise<Brought[]> {
  const text = await (await fetch('/_console/sample/captions.jsonl')).text();
  return Promise.all(
    readCaptions(text, 'captions.jsonl').map(async ({ file, caption }) => {
      const response = await fetch(`/_console/sample/${file}`);
      return { name: file, blob: await response.blob(), caption, mask: undefined };
    }),
  );
}

/**
 * Without the mark that some editors put before it; by that mark UTF-16 is told, which PowerShell's `>` writes. Undefined for other
 * encodings, whose letters would be lost without a word.
 */
async function textOf(blob: Blob): Promise<string | undefined> {
  const bytes = new Uint8Array(await blob.arrayBuffer());
  const isUtf16 = (first: number, second: number) => bytes[0] === first && bytes[1] === second;
  const encoding = isUtf16(0xff, 0xfe) ? 'utf-16le' : isUtf16(0xfe, 0xff) ? 'utf-16be' : 'utf-8';
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function extensionOf(path: string): string {
  return /\.([^./]*)$/.exec(path)?.[1]?.toLowerCase() ?? '';
}

function withoutExtension(path: string): string {
  return path.replace(/\.[^./]*$/, '');
}

/** `folder/ron_01.jpg` -> `ron_01` */
export function stem(path: string): string {
  return withoutExtension(path.slice(path.lastIndexOf('/') + 1));
}
