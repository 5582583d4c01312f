/**
 * The rules of a training data set: train.jsonl and the images that it names (facts §2.7 of the seed system: one line an
 * image, `{"image-ref": "s3://…", "caption": "…"}`). `mask-ref` is ours: which part of the image teaches.
 */
import limits from '../../../../contract/limits.json' with { type: 'json' };
import { MUST_BE_WELL_FORMED } from '../well-formed.ts';
import type { ImageFacts } from './image-facts.ts';

export interface ManifestRecord {
  /** Counts from 1. */
  line: number;
  imageRef: string;
  bucket: string;
  key: string;
  caption: string;
  /** Of its mask, where it has one. */
  mask?: MaskRef;
}

export interface MaskRef {
  maskRef: string;
  bucket: string;
  key: string;
}

export interface RecordError {
  line: number;
  /** As the line has it; absent where the line does not say. */
  imageRef?: string;
  /** One sentence without its full stop; never holds a caption. */
  reason: string;
}

export interface Manifest {
  /** Lines up to the last that is not blank; of more than MAXIMUM_LINES, the rest was not looked at. */
  lineCount: number;
  records: ManifestRecord[];
  errors: RecordError[];
  /** Whether some line is no JSON object at all: the message then begins with AWS's own text. */
  unparsable: boolean;
}

/** A line with the longest caption and key, every character escaped, stays below this. */
export const MAXIMUM_LINE_BYTES = 32 * 1024;
export const MAXIMUM_MANIFEST_BYTES = 128 * 1024 * 1024;
/** Ten times what a training may have. Forty million lines of two characters would take all memory of the server. */
export const MAXIMUM_LINES = 10 * limits.trainingImages.maximumCount;

/** facts §1.2, S3Uri: the bucket part. */
const BUCKET = /^[a-z0-9][-.a-z0-9]{1,61}[a-z0-9]$/;
const MAXIMUM_KEY_BYTES = 1024;
const MAXIMUM_MESSAGE_LENGTH = 2048;
const MAXIMUM_ERRORS_TOLD = 20;
const MEMBERS = ['image-ref', 'caption', 'mask-ref'];
/** A mask that another tool scaled is a pixel off; the worker holds the same bound. */
const MASK_ASPECT_TOLERANCE = 0.01;

/** @throws never: what is wrong is in the answer. A URI without a key has the key ''. */
export function parseS3Uri(uri: string): { bucket: string; key: string } | undefined {
  const match = /^s3:\/\/([^/]+)(?:\/(.*))?$/s.exec(uri);
  if (!match?.[1] || !BUCKET.test(match[1])) return undefined;
  return { bucket: match[1], key: match[2] ?? '' };
}

/**
 * Checks every line. A byte order mark, CRLF, and a final newline or none are all accepted; a blank line between
 * records is not (the seed's guide forbids it).
 * @param manifestUri where the text came from, to tell what a relative image-ref should be
 */
export function parseManifest(text: string, manifestUri: string): Manifest {
  const whole = text.replace(/^\uFEFF/, '').trimEnd();
  const manifest: Manifest = { lineCount: countLines(whole), records: [], errors: [], unparsable: false };
  const lines = whole === '' ? [] : whole.split(/\r?\n/, MAXIMUM_LINES);
  for (const [index, line] of lines.entries()) parseLine(line, index + 1, manifestUri, manifest);
  return manifest;
}

function countLines(text: string): number {
  let count = text === '' ? 0 : 1;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) count += 1;
  return count;
}

/** The number of records, where it is out of bounds: a reason, or undefined. */
export function checkRecordCount(count: number): string | undefined {
  const { minimumCount, maximumCount } = limits.trainingImages;
  if (count >= minimumCount && count <= maximumCount) return undefined;
  const bounds = `${minimumCount} to ${maximumCount.toLocaleString('en-US')}`;
  return `The number of records must be ${bounds}; the file has ${count.toLocaleString('en-US')}.`;
}

/** At most so many of them, evenly spread: the middle one of each stretch. */
export function evenlySpread<Item>(items: readonly Item[], most: number): Item[] {
  if (items.length <= most) return [...items];
  const middles = Array.from({ length: most }, (_, index) => Math.floor(((index + 0.5) * items.length) / most));
  return middles.flatMap(middle => items.slice(middle, middle + 1));
}

/**
 * What is wrong with a record's image and its mask: a reason that reads after the image's name, or undefined.
 * @param image what it is, or why it cannot be read
 * @param mask the same, where the record has one
 */
export function checkPicture(image: ImageFacts | string, mask: ImageFacts | string | undefined): string | undefined {
  if (typeof image === 'string') return image;
  const unusable = checkImage(image);
  if (unusable !== undefined || mask === undefined) return unusable;
  const problem = typeof mask === 'string' ? mask : checkMask(mask, image);
  return problem === undefined ? undefined : `its mask (mask-ref) ${problem}`;
}

function checkImage(facts: ImageFacts): string | undefined {
  const rule = limits.trainingImage;
  const size = `${facts.width} × ${facts.height} pixels`;
  if (Math.min(facts.width, facts.height) < rule.minimumSidePixels)
    return `is ${size}: each side must be at least ${rule.minimumSidePixels}`;
  if (Math.max(facts.width, facts.height) > rule.maximumSidePixels)
    return `is ${size}: each side must be at most ${rule.maximumSidePixels}`;
  if (facts.width * facts.height > rule.maximumTotalPixels)
    return `is ${size}: the total must be at most ${rule.maximumTotalPixels.toLocaleString('en-US')} pixels`;
  const aspect = Math.max(facts.width / facts.height, facts.height / facts.width);
  if (aspect > rule.maximumAspectRatio)
    return `is ${size}: the aspect ratio must be from 1:${rule.maximumAspectRatio} to ${rule.maximumAspectRatio}:1`;
  return undefined;
}

function checkMask(mask: ImageFacts, image: ImageFacts): string | undefined {
  const { maximumSidePixels } = limits.trainingImage;
  if (Math.max(mask.width, mask.height) > maximumSidePixels)
    return `is ${mask.width} × ${mask.height} pixels: each side must be at most ${maximumSidePixels}`;
  const ratio = (mask.width * image.height) / (mask.height * image.width);
  if (Math.abs(ratio - 1) <= MASK_ASPECT_TOLERANCE) return undefined;
  return `is ${mask.width} × ${mask.height} pixels, the image ${image.width} × ${image.height}: both must have the same aspect`;
}

/** Of the size alone, known before a byte is fetched. */
export function checkImageSize(sizeBytes: number): string | undefined {
  const bound = limits.trainingImage.maximumSizeBytes;
  if (sizeBytes <= bound) return undefined;
  return `is ${sizeBytes.toLocaleString('en-US')} bytes: an image must be at most ${bound.toLocaleString('en-US')} (50 MB)`;
}

/**
 * The failure message of a data set, at most 2,048 characters: what AWS's own text says first, then each bad line (the
 * first 20, as many as fit, each whole) and how many there are.
 * @param fileName the manifest's name without its folder
 * @param reservedLength characters that the caller adds after it
 * @returns the message, and how many bad lines it does not name
 */
export function describeErrors(
  errors: readonly RecordError[],
  manifest: { fileName: string; lineCount: number; unparsable: boolean },
  reservedLength = 0,
): { message: string; untold: number } {
  const opening = manifest.unparsable ? `${unparsable(manifest.fileName)} ` : '';
  const verb = errors.length === 1 ? 'is' : 'are';
  let message = `${opening}${errors.length} of ${manifest.lineCount} records ${verb} not usable in ${manifest.fileName}:`;
  let told = 0;
  for (const error of [...errors].sort((a, b) => a.line - b.line).slice(0, MAXIMUM_ERRORS_TOLD)) {
    const image = error.imageRef === undefined ? '' : ` (${shortenStart(error.imageRef, 120)})`;
    const sentence = ` line ${error.line}${image}: ${shortenEnd(error.reason, 300)};`;
    if (message.length + sentence.length > MAXIMUM_MESSAGE_LENGTH - reservedLength - 40) break;
    message += sentence;
    told += 1;
  }
  const untold = errors.length - told;
  return { message: untold > 0 ? `${message} and ${untold} more.` : `${message.slice(0, -1)}.`, untold };
}

/** AWS's text for a manifest that is not JSONL (facts §2.8). */
export function unparsable(fileName: string): string {
  return `Unable to parse Amazon S3 file: ${fileName}. Data files must conform to JSONL format.`;
}

function parseLine(line: string, number: number, manifestUri: string, manifest: Manifest): void {
  if (line.length > MAXIMUM_LINE_BYTES) {
    const reason = `Input size exceeded: a record must be at most ${MAXIMUM_LINE_BYTES} characters; it has ${line.length}`;
    manifest.errors.push({ line: number, reason });
    return;
  }
  const value = parseJson(line);
  if (value === undefined) {
    manifest.unparsable = true;
    manifest.errors.push({ line: number, reason: line.trim() === '' ? 'is blank' : 'is not a JSON object' });
    return;
  }
  const { 'image-ref': imageRef, 'mask-ref': maskRef, caption } = value;
  const uri = typeof imageRef === 'string' ? parseS3Uri(imageRef) : undefined;
  const maskUri = typeof maskRef === 'string' ? parseS3Uri(maskRef) : undefined;
  const reason =
    unknownMembers(value) ??
    checkReference('image-ref', imageRef, uri, manifestUri) ??
    (maskRef === undefined ? undefined : checkReference('mask-ref', maskRef, maskUri, manifestUri)) ??
    checkCaption(caption) ??
    undefined;
  if (reason !== undefined || uri === undefined || typeof imageRef !== 'string' || typeof caption !== 'string') {
    const named = typeof imageRef === 'string' ? { imageRef: imageRef.toWellFormed() } : {};
    manifest.errors.push({ line: number, ...named, reason: reason ?? 'is not usable' });
    return;
  }
  const mask = typeof maskRef === 'string' && maskUri ? { mask: { maskRef, ...maskUri } } : {};
  manifest.records.push({ line: number, imageRef, ...uri, caption, ...mask });
}

function parseJson(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

// A member that nothing reads (a misspelt caption) would train something else than its author meant.
function unknownMembers(value: Record<string, unknown>): string | undefined {
  const unknown = Object.keys(value).filter(name => !MEMBERS.includes(name));
  if (unknown.length === 0) return undefined;
  const names = unknown.slice(0, 3).map(name => JSON.stringify(shortenEnd(name, 40)));
  return `unknown member ${names.join(', ')}: a record has "image-ref", "caption" and, if need be, "mask-ref" only`;
}

function checkReference(
  member: 'image-ref' | 'mask-ref',
  reference: unknown,
  uri: { key: string } | undefined,
  manifestUri: string,
): string | undefined {
  if (reference === undefined) return `"${member}" is missing`;
  if (typeof reference !== 'string') return `"${member}" must be a string; it is ${typeName(reference)}`;
  if (!reference.isWellFormed()) return `"${member}" ${MUST_BE_WELL_FORMED}`;
  if (reference === '') return `"${member}" is empty: write the full s3:// URI of the image`;
  if (uri === undefined && /^s3:\/\//i.test(reference))
    return `"${member}" must be s3://bucket/key with a valid bucket name`;
  if (uri === undefined && !/^[a-z][a-z0-9+.-]*:/i.test(reference)) {
    const folder = manifestUri.slice(0, manifestUri.lastIndexOf('/') + 1);
    return `"${member}" must be a full S3 URI: write ${folder}${reference.replace(/^(?:\.?\/)+/, '')}`;
  }
  if (uri === undefined) return `"${member}" must be an S3 URI: s3://bucket/key`;
  if (uri.key === '' || uri.key.endsWith('/')) return `"${member}" names no object: write s3://bucket/key`;
  if (Buffer.byteLength(uri.key) > MAXIMUM_KEY_BYTES)
    return `"${member}" has a key of more than ${MAXIMUM_KEY_BYTES} bytes`;
  return undefined;
}

function checkCaption(caption: unknown): string | undefined {
  if (caption === undefined) return '"caption" is missing';
  if (typeof caption !== 'string') return `"caption" must be a string; it is ${typeName(caption)}`;
  if (!caption.isWellFormed()) return `"caption" ${MUST_BE_WELL_FORMED}`;
  const { minimumLength, maximumLength } = limits.caption;
  const length = [...caption].length;
  if (length > maximumLength || [...caption.trim()].length < minimumLength)
    return `"caption" must be ${minimumLength} to ${maximumLength} characters; it has ${caption.trim() === '' ? 0 : length}`;
  return undefined;
}

function typeName(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'an array' : `a${typeof value === 'object' ? 'n' : ''} ${typeof value}`;
}

function shortenEnd(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}

/** The end of a key tells images apart, its beginning does not. */
function shortenStart(text: string, length: number): string {
  return text.length <= length ? text : `…${text.slice(1 - length)}`;
}
