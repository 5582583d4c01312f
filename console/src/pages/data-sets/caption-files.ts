/** Files that hold the captions of many pictures, as `likeness dataset build` reads them: .jsonl, .csv and .tsv. */

export interface FileCaption {
  /** As the file names the picture: a name, a path or an S3 URI. */
  file: string;
  caption: string;
}

/** The names that other tools give to the two columns (Hugging Face's imagefolder, Kohya's, our own). */
const FILE_COLUMNS = ['image-ref', 'file_name', 'file', 'filename', 'image', 'path', 'name'];
const CAPTION_COLUMNS = ['caption', 'text', 'prompt', 'description'];

type Separator = ',' | ';' | '\t';

/** The captions that can be read of a file. @param path tells the format by its ending */
export function readCaptions(text: string, path: string): FileCaption[] {
  const captions = /\.jsonl$/i.test(path)
    ? fromJsonLines(text)
    : fromTable(parseTable(text, /\.tsv$/i.test(path) ? '\t' : separatorOf(text)));
  // As Windows writes paths.
  return captions.map(({ file, caption }) => ({ file: file.replaceAll('\\', '/'), caption }));
}

/** Excel writes semicolons where the comma is the decimal point: the one by which the first line names what a captions file holds. */
function separatorOf(text: string): Separator {
  const firstLine = text.split(/\r?\n/, 1)[0] ?? '';
  const separators: Separator[] = [',', ';', '\t'];
  return (
    separators.find(separator => {
      const [cells = []] = parseTable(firstLine, separator);
      return cells.length > 1 && (columnOf(cells, FILE_COLUMNS) >= 0 || isPicture(cells[0]?.trim() ?? ''));
    }) ?? ','
  );
}

function columnOf(header: readonly string[], names: readonly string[]): number {
  return header.findIndex(cell => names.includes(cell.trim().toLowerCase()));
}

function isPicture(name: string): boolean {
  return /\.(jpe?g|png|gif|webp|bmp|avif)$/i.test(name);
}

function fromJsonLines(text: string): FileCaption[] {
  return text.split('\n').flatMap(line => {
    try {
      const record = JSON.parse(line) as Record<string, unknown>;
      const [file] = FILE_COLUMNS.map(name => record[name]).filter(value => typeof value === 'string');
      const [caption] = CAPTION_COLUMNS.map(name => record[name]).filter(value => typeof value === 'string');
      return file === undefined || caption === undefined ? [] : [{ file, caption }];
    } catch {
      return [];
    }
  });
}

/** With or without a line that names the columns. */
function fromTable(rows: readonly (readonly string[])[]): FileCaption[] {
  const [header = []] = rows;
  const columns = [FILE_COLUMNS, CAPTION_COLUMNS].map(names => columnOf(header, names));
  const hasHeader = columns.every(column => column >= 0);
  const [fileColumn = 0, captionColumn = 1] = hasHeader ? columns : [];
  return (hasHeader ? rows.slice(1) : rows).flatMap(row => {
    const [file, caption] = [row[fileColumn]?.trim(), row[captionColumn]?.trim()];
    return file && caption !== undefined ? [{ file, caption }] : [];
  });
}

/** CSV as RFC 4180 has it: quoted cells may hold the separator, line breaks and doubled quotes. */
function parseTable(text: string, separator: Separator): string[][] {
  const rows: string[][] = [[]];
  // A cell and what ends it; a quote within a quoted cell is doubled.
  const cell = new RegExp(`(?:"((?:[^"]|"")*)"|([^${separator}\\r\\n]*))(${separator}|\\r?\\n|$)`, 'gy');
  for (const [whole, quoted, plain = '', end] of text.matchAll(cell)) {
    if (whole === '' && rows.at(-1)?.length === 0) break;
    rows.at(-1)?.push(quoted?.replaceAll('""', '"') ?? plain);
    if (end === '') break;
    if (end !== separator) rows.push([]);
  }
  return rows.filter(row => row.some(value => value !== ''));
}
