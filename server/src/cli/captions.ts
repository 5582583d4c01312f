import { readFileSync } from 'node:fs';
import { basename, extname } from 'node:path';
import { CliFailure } from './failure.ts';
import { isPictureName } from './picture-files.ts';
import { shownPath } from './shown-path.ts';

export interface CaptionedFile {
  /** Relative to the folder of the images. */
  file: string;
  caption: string;
}

/** The names that other tools give to the two columns (Hugging Face's imagefolder, Kohya's, our own sample's). */
const FILE_COLUMNS = ['image-ref', 'file_name', 'file', 'filename', 'image', 'path', 'name'];
const CAPTION_COLUMNS = ['caption', 'text', 'prompt', 'description'];

type Separator = ',' | ';' | '\t';

/**
 * A text file, its byte order mark left out. UTF-16 is told by that mark: PowerShell's `>` and Excel's "Unicode Text" write it.
 * @throws CliFailure for other encodings, whose letters would be lost without a word
 */
export function readText(path: string): string {
  const bytes = readFileSync(path);
  const encoding = { fffe: 'utf-16le', feff: 'utf-16be' }[bytes.toString('hex', 0, 2)] ?? 'utf-8';
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new CliFailure(`${shownPath(path)} is not UTF-8 text: save it as UTF-8.`);
  }
}

/**
 * Reads a captions file by its extension: .jsonl (an object a line), .csv or .tsv (with or without a header line).
 * @throws CliFailure naming the line that cannot be read
 */
export function readCaptions(text: string, path: string): CaptionedFile[] {
  const clean = text.replace(/^\uFEFF/, '');
  const extension = extname(path).toLowerCase();
  const records =
    extension === '.jsonl'
      ? fromJsonLines(clean, basename(path))
      : fromTable(parseTable(clean, extension === '.tsv' ? '\t' : separatorOf(clean)), basename(path));
  return records.map(({ file, caption }) => ({ file: asNamedHere(file.trim()), caption: caption.trim() }));
}

/** A manifest made for one place may name whole URIs or ./relative paths, in Windows' way too: the file's own name is what is here. */
function asNamedHere(file: string): string {
  const path = file.replaceAll('\\', '/');
  return /^(?:[a-z0-9]+:|\/)\//i.test(path) ? basename(path) : path.replace(/^(?:\.?\/)+/, '');
}

/** Excel writes semicolons where the comma is the decimal point: the one by which the first line names what a captions file holds. */
function separatorOf(text: string): Separator {
  const firstLine = text.split(/\r?\n/, 1)[0] ?? '';
  const separators: Separator[] = [',', ';', '\t'];
  return (
    separators.find(separator => {
      const [cells = []] = parseTable(firstLine, separator);
      return cells.length > 1 && (columnOf(cells, FILE_COLUMNS) >= 0 || isPictureName(cells[0]?.trim() ?? ''));
    }) ?? ','
  );
}

function columnOf(header: readonly string[], names: readonly string[]): number {
  return header.findIndex(cell => names.includes(cell.trim().toLowerCase()));
}

function fromJsonLines(text: string, name: string): CaptionedFile[] {
  return text.split(/\r?\n/).flatMap((line, index) => {
    if (line.trim() === '') return [];
    let value: Record<string, unknown>;
    try {
      value = JSON.parse(line);
    } catch {
      throw new CliFailure(`${name}, line ${index + 1}: is not JSON.`);
    }
    const file = firstText(value, FILE_COLUMNS);
    const caption = firstText(value, CAPTION_COLUMNS);
    if (file === undefined || caption === undefined)
      throw new CliFailure(`${name}, line ${index + 1}: needs "file_name" and "caption".`);
    return [{ file, caption }];
  });
}

function fromTable(rows: string[][], name: string): CaptionedFile[] {
  const [header = []] = rows;
  const fileColumn = columnOf(header, FILE_COLUMNS);
  const captionColumn = columnOf(header, CAPTION_COLUMNS);
  const hasHeader = fileColumn >= 0 && captionColumn >= 0;
  if (fileColumn >= 0 && !hasHeader)
    throw new CliFailure(
      `${name}: no column of its first line is called ${CAPTION_COLUMNS.join(', ')}: name the captions' so.`,
    );
  return (hasHeader ? rows.slice(1) : rows).map((row, index) => {
    const file = row[hasHeader ? fileColumn : 0];
    const caption = row[hasHeader ? captionColumn : 1];
    if (!file || caption === undefined)
      throw new CliFailure(`${name}, record ${index + 1}: needs a file name and a caption.`);
    return { file, caption };
  });
}

/** CSV as RFC 4180 has it: quoted cells may hold the separator, line breaks and doubled quotes. */
export function parseTable(text: string, separator: Separator): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  let cell = '';
  let quoted = false;
  const endCell = () => {
    row.push(cell);
    cell = '';
  };
  const endRow = () => {
    endCell();
    if (row.some(value => value !== '')) rows.push(row);
    row = [];
  };
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at];
    if (quoted && character === '"' && text[at + 1] === '"') {
      cell += '"';
      at += 1;
    } else if (character === '"' && (quoted || cell === '')) quoted = !quoted;
    else if (!quoted && character === separator) endCell();
    else if (!quoted && character === '\n') endRow();
    else if (quoted || character !== '\r') cell += character;
  }
  endRow();
  return rows;
}

function firstText(value: Record<string, unknown>, names: readonly string[]): string | undefined {
  const found = names.map(name => value[name]).find(candidate => typeof candidate === 'string');
  return typeof found === 'string' ? found : undefined;
}
