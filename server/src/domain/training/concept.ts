/** Whether a data set teaches a subject or a style, read from what its captions have in common. */

/** A subject is what some captions name; a style is how every picture is drawn. */
export type Concept = 'subject' | 'style';

/** Of the captions, those that must have a word for it to be common to them. */
const COMMON_SHARE = 0.9;
/** A style shows on different things; fewer are subjects that happen to be drawn alike. */
const FEWEST_SUBJECTS = 4;
const STYLE_WORDS = new Set(
  (
    'style styled aesthetic art artwork illustration illustrations painting drawing sketch watercolor watercolour ' +
    'cartoon comic anime manga render palette poster engraving woodcut mosaic doodle lineart clipart'
  ).split(' '),
);
/** What stands after one of these is in the picture, not its style: "on the beach with Ron". */
const HOLDING = new Set(['with', 'of', 'holding', 'beside', 'near', 'for', 'and']);
/** Words of form: they name neither a subject nor a style. */
const FORM_WORDS = new Set(
  (
    'a an the of in on at by to with and or for from as is are its his her their this that into over under near ' +
    'photo photograph picture image'
  ).split(' '),
);

/**
 * A style, where the words that the captions share are a style's name ("in Lumen style", "pixel art of", or whatever
 * stands at each one's end) and what they do not share begins with different things; else a subject.
 */
export function conceptOf(captions: readonly string[]): Concept {
  const texts = captions.map(wordsOf);
  const common = commonWords(texts);
  if (common.size === 0) return 'subject';
  let styled = 0;
  const subjects = new Set<string>();
  for (const words of texts) {
    const { isStyle, names } = sharedNames(words, common);
    if (isStyle && names.length === 0) styled += 1;
    const subject = words.find(word => !common.has(word) && !FORM_WORDS.has(word));
    if (subject !== undefined) subjects.add(subject);
  }
  return styled >= COMMON_SHARE * texts.length && subjects.size >= FEWEST_SUBJECTS ? 'style' : 'subject';
}

function wordsOf(caption: string): string[] {
  return caption.toLowerCase().match(/[\p{L}\p{N}'’_-]+/gu) ?? [];
}

/** Words that nearly every caption has and that name something. */
function commonWords(texts: readonly string[][]): Set<string> {
  const counts = new Map<string, number>();
  for (const words of texts) for (const word of new Set(words)) counts.set(word, (counts.get(word) ?? 0) + 1);
  const common = [...counts].filter(([word, count]) => count >= COMMON_SHARE * texts.length && !FORM_WORDS.has(word));
  return new Set(common.map(([word]) => word));
}

/** Whether a caption's common words name a style, and those of them that name something else. */
function sharedNames(words: readonly string[], common: ReadonlySet<string>): { isStyle: boolean; names: string[] } {
  const isShared = words.map(word => common.has(word) || FORM_WORDS.has(word));
  const end = isShared.lastIndexOf(false);
  let isStyle = false;
  const names: string[] = [];
  for (let first = 0; first < words.length; first += 1) {
    if (!isShared[first]) continue;
    let after = first;
    while (after < words.length && isShared[after]) after += 1;
    const run = words.slice(first, after).filter(word => common.has(word));
    // "in the style of Lumen" names the style after the word; "an illustration of Ron" names no style with it.
    const last = run.findLastIndex(word => STYLE_WORDS.has(word));
    const isNamedAfter = run[last] === 'style' && words[words.indexOf('style', first) + 1] === 'of';
    const isHeld = last < 0 && words.slice(Math.max(0, first - 1), after).some(word => HOLDING.has(word));
    const isEnd = first > end && !isHeld;
    if (isEnd || last >= 0) isStyle ||= run.length > 0;
    if (!isEnd && !isNamedAfter) names.push(...run.slice(last + 1));
    first = after;
  }
  return { isStyle, names };
}
