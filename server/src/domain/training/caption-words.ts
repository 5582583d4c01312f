/** Words that every caption of a data set gets: the subject's name where it is missing, and a beginning and an end. */
import limits from '../../../../contract/limits.json' with { type: 'json' };

/** Null where there is none; trimmed. */
export interface CaptionWords {
  triggerWord: string | null;
  captionPrefix: string | null;
  captionSuffix: string | null;
}

/** What a caption may hold in the trigger word's place, as other trainers have it. */
const PLACEHOLDER = /\[trigger\]/gi;
/** A suffix such as ", flat colours" follows without a space. */
const CLOSING = /^[,.;:!?)]/;

/**
 * The trigger word takes the place of each `[trigger]`, and goes in front where the caption has it nowhere; prefix and suffix
 * are set around the whole, a space between.
 */
export function withCaptionWords(caption: string, words: CaptionWords): string {
  const { triggerWord, captionPrefix, captionSuffix } = words;
  let text = caption.trim();
  if (triggerWord !== null) {
    text = text.replaceAll(PLACEHOLDER, () => triggerWord);
    if (!hasWord(text, triggerWord)) text = `${triggerWord} ${text}`;
  }
  if (captionPrefix !== null) text = `${captionPrefix} ${text}`;
  if (captionSuffix !== null) text = CLOSING.test(captionSuffix) ? text + captionSuffix : `${text} ${captionSuffix}`;
  return text;
}

/** Whether a caption names the trigger word or holds its placeholder. */
export function namesTrigger(caption: string, triggerWord: string): boolean {
  return caption.search(PLACEHOLDER) >= 0 || hasWord(caption, triggerWord);
}

/** @returns what is wrong with a caption to which the words were added, or undefined */
export function checkWordedCaption(caption: string): string | undefined {
  const { maximumLength } = limits.caption;
  const length = [...caption].length;
  return length > maximumLength
    ? `"caption" must be at most ${maximumLength} characters with triggerWord, captionPrefix and captionSuffix; it has ${length}`
    : undefined;
}

/** Whole words in whatever case: "Ron" is in "ron's ball", and not in "iron". */
function hasWord(text: string, word: string): boolean {
  const escaped = word.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&');
  return new RegExp(`(?<![\\p{L}\\p{N}])${escaped}(?![\\p{L}\\p{N}])`, 'iu').test(text);
}
