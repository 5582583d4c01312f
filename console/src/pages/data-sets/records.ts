/** The rules of a data set as the editor shows them while it is made; a job asks the same before it trains. */
import limits from '../../../../contract/limits.json' with { type: 'json' };
import type { ManifestRecord } from '../../aws/manifest-text.ts';
import { createNearCopies, type Look } from './near-copies.ts';

/** What is known of a picture without its pixels. */
export interface PictureFacts {
  width: number;
  height: number;
  sizeBytes: number;
  format: string;
  /** SHA-256 of the bytes, hexadecimal. */
  sha256: string;
  look: Look;
  /** Variance of the Laplacian of a small grey copy; little of it is a blurred picture. */
  sharpness: number;
}

/** Where a mask lies in S3, or a PNG that was made here. */
export type SubjectMask = { uri: string } | { png: Blob; sha256: string };

/** What is asked of each record. */
export type CheckName = 'unreadable' | 'picture' | 'blur' | 'same' | 'near' | 'caption' | 'captionLength' | 'trigger';

export interface Problem {
  check: CheckName;
  /** An error is refused by a job; a warning is advice. */
  severity: 'error' | 'warning';
  text: string;
}

const LEAST_SHARPNESS = 25;
const rule = limits.trainingImage;

export function pictureProblems(facts: PictureFacts): Problem[] {
  const size = `${facts.width} x ${facts.height}`;
  const aspect = Math.max(facts.width, facts.height) / Math.min(facts.width, facts.height);
  const found: [boolean, string][] = [
    [!rule.formats.includes(facts.format), `${facts.format}: must be JPEG or PNG`],
    [facts.sizeBytes > rule.maximumSizeBytes, 'Larger than 50 MB'],
    [Math.min(facts.width, facts.height) < rule.minimumSidePixels, `${size}: sides from ${rule.minimumSidePixels}`],
    [Math.max(facts.width, facts.height) > rule.maximumSidePixels, `${size}: sides up to ${rule.maximumSidePixels}`],
    [facts.width * facts.height > rule.maximumTotalPixels, `${size}: too many pixels`],
    [aspect > rule.maximumAspectRatio, `${size}: narrower than 1:${rule.maximumAspectRatio}`],
  ];
  const errors = found
    .filter(([isSo]) => isSo)
    .map(([, text]): Problem => ({ check: 'picture', severity: 'error', text }));
  if (facts.sharpness >= LEAST_SHARPNESS) return errors;
  return [...errors, { check: 'blur', severity: 'warning', text: 'Looks blurred' }];
}

/** What of a picture to keep, and how large to draw it, so that a job takes it; nothing is changed that need not be. */
export function fitted({ width, height }: { width: number; height: number }): {
  crop: { x: number; y: number; width: number; height: number };
  size: { width: number; height: number };
} {
  const kept = {
    width: Math.min(width, height * rule.maximumAspectRatio),
    height: Math.min(height, width * rule.maximumAspectRatio),
  };
  const grow = Math.max(1, rule.minimumSidePixels / Math.min(kept.width, kept.height));
  const shrink = Math.min(
    1,
    rule.maximumSidePixels / (grow * Math.max(kept.width, kept.height)),
    Math.sqrt(rule.maximumTotalPixels / (grow * grow * kept.width * kept.height)),
  );
  const scaled = (side: number) => {
    // Rounded down where it shrinks, so that the product stays in bounds; never below the smallest side.
    const pixels = side * grow * shrink;
    return Math.max(rule.minimumSidePixels, shrink < 1 ? Math.floor(pixels) : Math.round(pixels));
  };
  return {
    crop: { x: (width - kept.width) / 2, y: (height - kept.height) / 2, ...kept },
    size: { width: scaled(kept.width), height: scaled(kept.height) },
  };
}

/** @param triggers words that every caption should begin or hold ("Ron the dog"); none: not asked */
export function captionProblems(caption: string, triggers: readonly string[]): Problem[] {
  const { minimumLength, maximumLength } = limits.caption;
  // As a job counts them: an emoji is one character.
  const { length } = [...caption.trim()];
  if (length === 0) return [{ check: 'caption', severity: 'error', text: 'No caption' }];
  if (length < minimumLength)
    return [{ check: 'caption', severity: 'error', text: `Caption shorter than ${minimumLength}` }];
  if (length > maximumLength)
    return [{ check: 'captionLength', severity: 'error', text: `Caption longer than ${maximumLength}` }];
  if (triggers.length > 0 && !triggers.some(trigger => caption.includes(trigger)))
    return [{ check: 'trigger', severity: 'warning', text: 'Without a trigger word' }];
  return [];
}

/** Where pictures are the same or nearly so: each but the first of such a group, and what to say of it. */
export function twinProblems(
  pictures: readonly { id: string; facts: PictureFacts | undefined }[],
): Map<string, Problem> {
  const found = new Map<string, Problem>();
  const byBytes = new Set<string>();
  const near = createNearCopies();
  for (const { id, facts } of pictures) {
    if (facts === undefined) continue;
    const isNear = near.isCopy(facts.look);
    if (byBytes.has(facts.sha256)) found.set(id, { check: 'same', severity: 'warning', text: 'The same as another' });
    else if (isNear) found.set(id, { check: 'near', severity: 'warning', text: 'Nearly the same as another' });
    byBytes.add(facts.sha256);
  }
  return found;
}

/** @returns the captions that change, with the text as they become */
export function replaced(captions: ReadonlyMap<string, string>, find: string, by: string): Map<string, string> {
  const changed = new Map<string, string>();
  if (find === '') return changed;
  for (const [id, caption] of captions) if (caption.includes(find)) changed.set(id, caption.replaceAll(find, by));
  return changed;
}

/**
 * Puts the trigger before each caption that has none. Its class word at the beginning is the trigger's last: "sitting on
 * the grass" and "a dog sitting on the grass" both become "Ron the dog sitting on the grass".
 */
export function withTrigger(captions: ReadonlyMap<string, string>, triggers: readonly string[]): Map<string, string> {
  const changed = new Map<string, string>();
  const [first] = triggers;
  if (first === undefined) return changed;
  const classWord = classWordOf(first);
  for (const [id, caption] of captions) {
    if (triggers.some(trigger => caption.includes(trigger))) continue;
    changed.set(id, (first + afterWord(caption.trim(), classWord)).trimEnd());
  }
  return changed;
}

/** What a caption's subject is, for a model that knows no names: "the dog" where it holds "Ron the dog" and no other trigger. */
export function subjectOf(caption: string, triggers: readonly string[]): string | undefined {
  const [trigger, ...others] = triggers.filter(one => caption.includes(one));
  return trigger === undefined || others.length > 0 ? undefined : `the ${classWordOf(trigger)}`;
}

function classWordOf(trigger: string): string {
  return trigger.slice(trigger.lastIndexOf(' ') + 1);
}

/** What follows the word where a caption begins with it, alone or after an article; else all of it, after a blank. */
function afterWord(caption: string, word: string): string {
  const [, named = '', rest = ''] = /^(?:(?:an?|the)\s+)?([\p{L}\p{N}'-]+)(.*)$/isu.exec(caption) ?? [];
  return named.toLowerCase() === word.toLowerCase() ? rest : ` ${caption}`;
}

/** Captions that are too long, cut after the last word that fits. */
export function shortened(captions: ReadonlyMap<string, string>): Map<string, string> {
  const { maximumLength } = limits.caption;
  const changed = new Map<string, string>();
  for (const [id, caption] of captions) {
    const characters = [...caption.trim()];
    if (characters.length <= maximumLength) continue;
    const space = characters.lastIndexOf(' ', maximumLength);
    changed.set(
      id,
      characters
        .slice(0, space > 0 ? space : maximumLength)
        .join('')
        .trim(),
    );
  }
  return changed;
}

/** Pictures of each subject: a caption that names two counts for both. */
export function balanceOf(captions: readonly string[], triggers: readonly string[]): Map<string, number> {
  const counts = new Map(triggers.map(trigger => [trigger, 0]));
  for (const caption of captions)
    for (const trigger of counts.keys())
      if (caption.includes(trigger)) counts.set(trigger, (counts.get(trigger) ?? 0) + 1);
  return counts;
}

/** Whether one subject has more than twice the pictures of another: the model then learns the other less well. */
export function isUneven(counts: ReadonlyMap<string, number>): boolean {
  return counts.size > 1 && Math.max(...counts.values()) > 2 * Math.min(...counts.values());
}

/** train.jsonl, one line a record. */
export function manifestText(records: readonly ManifestRecord[]): string {
  return records
    .map(({ imageRef, caption, maskRef }) => ({
      ...{ 'image-ref': imageRef, caption: caption.trim() },
      ...(maskRef === undefined ? {} : { 'mask-ref': maskRef }),
    }))
    .map(record => `${JSON.stringify(record)}\n`)
    .join('');
}
