/** A guide as the console's build makes it of a Markdown file (build/guides.ts), in `guides/NAME.json`. */
export interface Guide {
  name: string;
  title: string;
  sections: readonly GuideSection[];
  parts: readonly GuidePart[];
}

export interface GuideSection {
  /** Of its heading in the page. */
  id: string;
  title: string;
}

/** HTML that was made of a document of this project, or a block of code. */
export type GuidePart = { html: string } | { code: string };

/** One row of `guides.json`: a guide and the words of its sections; what stands before the first has an empty id. */
export interface GuideEntry {
  name: string;
  title: string;
  sections: readonly (GuideSection & { text: string })[];
}

/** @throws Error when the service does not answer, or has no such guide */
export async function loadGuide(name: string): Promise<Guide> {
  return (await load(`guides/${encodeURIComponent(name)}`, `There is no guide named ${name}.`)) as Guide;
}

/** @throws Error when the service does not answer */
export async function loadGuideIndex(): Promise<GuideEntry[]> {
  return (await load('guides', 'This console was built without guides: run npm run setup.')) as GuideEntry[];
}

/** @returns the section that a `#…` of an address names, which may be anything: people shorten and mistype addresses */
export function sectionAt(sections: readonly GuideSection[], hash: string): GuideSection | undefined {
  return sections.find(({ id }) => hash === `#${id}` || hash === `#${encodeURIComponent(id)}`);
}

async function load(path: string, whenNotThere: string): Promise<unknown> {
  const response = await fetch(`/_console/${path}.json`);
  if (response.status === 404) throw new Error(whenNotThere);
  if (!response.ok) throw new Error(`The service answered ${response.status}.`);
  return await response.json();
}

/** Where a guide has all the words that were typed, in any order: the guide with those of its sections, all for no words. */
export function findInGuides(entries: readonly GuideEntry[], typed: string): GuideEntry[] {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  const hasAll = (text: string) => words.every(word => text.includes(word));
  return entries.flatMap(entry => {
    const sections = entry.sections.filter(({ title, text }) =>
      hasAll(`${entry.title} ${title} ${text}`.toLowerCase()),
    );
    return sections.length > 0 ? [{ ...entry, sections }] : [];
  });
}
