import type { GuideEntry } from './guide.ts';

const HYPHENS = /[-_\u2010-\u2014]/g;
const NOT_OF_WORDS = /[^\p{L}\p{N}]+/gu;

type Section = GuideEntry['sections'][number];

/**
 * The guides that have all the words that were typed, in any order, each as the beginning of a word: a guide with those of its sections.
 * What says them in its title comes first, then what says them in a heading; all, in their order, for no words.
 */
export function findInGuides(entries: readonly GuideEntry[], typed: string): GuideEntry[] {
  const words = plain(typed).replaceAll(HYPHENS, ' ').toLowerCase().split(NOT_OF_WORDS).filter(Boolean);
  const hasAll = (text: string) => words.every(word => text.includes(` ${word}`));
  return entries
    .flatMap(entry => {
      const title = findable(entry.title);
      const rankOf = (section: Section): number => {
        const heading = title + findable(section.title);
        if (hasAll(title)) return 0;
        if (hasAll(heading)) return 1;
        return hasAll(heading + findable(section.text)) ? 2 : Number.POSITIVE_INFINITY;
      };
      const ranked = entry.sections
        .map(section => ({ section, rank: rankOf(section) }))
        .filter(({ rank }) => Number.isFinite(rank))
        .toSorted((one, other) => one.rank - other.rank);
      const [best] = ranked;
      return best ? [{ rank: best.rank, entry: { ...entry, sections: ranked.map(({ section }) => section) } }] : [];
    })
    .toSorted((one, other) => one.rank - other.rank)
    .map(({ entry }) => entry);
}

/** Its words, each with a space before it; a compound (fine-tuning, maskPrompt) as one word and by its parts. */
function findable(text: string): string {
  const whole = plain(text);
  const joined = whole.replaceAll(HYPHENS, '');
  const parted = whole.replaceAll(HYPHENS, ' ').replaceAll(/(\p{Ll})(\p{Lu})/gu, '$1 $2');
  return ` ${joined} ${parted} `.toLowerCase().replaceAll(NOT_OF_WORDS, ' ');
}

/** Without accents and apostrophes, straight or curly: “it’s” is “its”. */
function plain(text: string): string {
  return text.normalize('NFKD').replaceAll(/[\p{M}'\u2018\u2019\u02bc]/gu, '');
}
