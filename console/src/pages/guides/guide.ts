/** A guide as the console's build makes it of a Markdown file (build/guides.ts), in `guides/NAME.json`. */
export interface Guide {
  name: string;
  title: string;
  sections: readonly GuideSection[];
  /** Made of a document of this project. Each block of code is a `.guide-code` with a place for a button, `.guide-copy`. */
  html: string;
}

export interface GuideSection {
  /** Of its heading in the page. */
  id: string;
  title: string;
}

/** One row of `guides.json`, in the order of docs/guides/README.md. What stands before a guide's first section has an empty id. */
export interface GuideEntry {
  name: string;
  title: string;
  /** The heading that it stands under, and what is said of it there. */
  group: string;
  about: string;
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

/** @returns what stands behind the `#` of an address, as a person would write it */
export function readable(hash: string): string {
  try {
    return decodeURIComponent(hash.slice(1));
  } catch {
    return hash.slice(1);
  }
}

async function load(path: string, whenNotThere: string): Promise<unknown> {
  const response = await fetch(`/_console/${path}.json`);
  if (response.status === 404) throw new Error(whenNotThere);
  if (!response.ok) throw new Error(`The service answered ${response.status}.`);
  return await response.json();
}
