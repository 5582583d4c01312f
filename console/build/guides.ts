import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { Marked, type Token, type Tokens } from 'marked';
import type { Plugin } from 'vite';
import type { Guide, GuideEntry, GuideSection } from '../src/pages/guides/guide.ts';

const root = resolve(import.meta.dirname, '../..');
const docs = join(root, 'docs');

const folder = join(docs, 'guides');

/**
 * Puts the guides of docs/ and what they link to there beside the console, so that they are read where the product runs: a
 * house that lets no picture out may have no other way to them.
 */
export function guides(): Plugin {
  return {
    name: 'guides',
    apply: 'build',
    generateBundle() {
      const { index, guides: all } = readGuides();
      const emit = (path: string, value: unknown) =>
        this.emitFile({ type: 'asset', fileName: `${path}.json`, source: JSON.stringify(value) });
      for (const guide of all) emit(`guides/${guide.name}`, guide);
      emit('guides', index);
    },
  };
}

/**
 * @returns the guides that docs/guides/README.md names, in its order and under its headings, and with them the pages that they link to
 * @throws Error for a link to a page or section that is not there, and for a page of docs/ that the README does not name
 */
export function readGuides(): { index: GuideEntry[]; guides: Guide[] } {
  const places = placesOf(readFileSync(join(folder, 'README.md'), 'utf8'));
  const all = readLinked([...places.keys()]);
  refuseBrokenLinks(all);
  const files = readdirSync(folder).map(name => join(folder, name));
  for (const file of new Set([...files, ...all.keys()]))
    if (!places.has(file) && !file.startsWith(join(docs, 'decisions')) && !file.endsWith('README.md'))
      throw new Error(`${relative(root, file)} has no place in docs/guides/README.md.`);
  const index = [...places].flatMap(([file, place]) => {
    const page = all.get(file);
    return page ? [{ ...page.entry, ...place }] : [];
  });
  return { index, guides: [...all.values()].map(({ guide }) => guide) };
}

type Place = Pick<GuideEntry, 'group' | 'about'>;

/** By file: each line `- [title](file): what it is about.`, and the heading that it stands under. */
function placesOf(readme: string): Map<string, Place> {
  const places = new Map<string, Place>();
  let group = '';
  for (const line of readme.split('\n')) {
    group = /^## (.+)$/.exec(line)?.[1] ?? group;
    const [, path, about = ''] = /^- \[.+?\]\((.+?)\): (.+)$/.exec(line) ?? [];
    const sentence = about.charAt(0).toUpperCase() + about.slice(1);
    if (path !== undefined) places.set(resolve(folder, path), { group, about: sentence });
  }
  return places;
}

interface Page {
  guide: Guide;
  entry: Omit<GuideEntry, keyof Place>;
  links: readonly Link[];
}

interface Link {
  file: string;
  section: string;
}

/** The files and those that they link to, by their paths. */
function readLinked(files: readonly string[]): Map<string, Page> {
  const pages = new Map<string, Page>();
  const waiting = [...files];
  for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
    if (pages.has(file)) continue;
    const page = readPage(file);
    pages.set(file, page);
    waiting.push(...page.links.map(link => link.file));
  }
  return pages;
}

function readPage(file: string): Page {
  const links: Link[] = [];
  const sections: (GuideSection & { text: string })[] = [];
  const marked = new Marked({
    renderer: {
      heading({ tokens, depth }) {
        const html = this.parser.parseInline(tokens);
        // The page has a heading of its own.
        return depth === 1 ? '' : `<h${depth} id="${idOf(plainText(tokens))}">${html}</h${depth}>`;
      },
      link({ href, tokens }) {
        const html = this.parser.parseInline(tokens);
        if (/^https?:/.test(href)) return `<a href="${href}" target="_blank" rel="noreferrer">${html}</a>`;
        const [path = '', section = ''] = href.split('#');
        const target = path === '' ? file : resolve(dirname(file), path);
        // What lies beside the documents (sources, measurements) is not here: its name alone.
        if (!target.startsWith(docs) || !target.endsWith('.md')) return html;
        links.push({ file: target, section });
        const hash = section === '' ? '' : `#${section}`;
        return `<a href="${path === '' ? hash : `/_console/guides/${nameOf(target)}${hash}`}">${html}</a>`;
      },
      // A table that is wider than a narrow window scrolls by itself.
      table(token) {
        const cell = (of: Tokens.TableCell, tag: string) => `<${tag}>${this.parser.parseInline(of.tokens)}</${tag}>`;
        const rows = token.rows.map(row => `<tr>${row.map(of => cell(of, 'td')).join('')}</tr>`);
        const head = `<thead><tr>${token.header.map(of => cell(of, of.text === '' ? 'td' : 'th')).join('')}</tr></thead>`;
        return `<div class="guide-table" tabindex="0"><table>${head}<tbody>${rows.join('')}</tbody></table></div>`;
      },
      // The page puts a button that copies it into the second.
      code: ({ text }) => `<div class="guide-code"><pre>${escapeHtml(text)}</pre><div class="guide-copy"></div></div>`,
      html: ({ text }) => escapeHtml(text),
    },
  });
  const tokens = marked.lexer(readFileSync(file, 'utf8'));
  let title = nameOf(file);
  for (const token of tokens) {
    if (isHeading(token)) {
      const heading = plainText(token.tokens);
      if (token.depth === 1) title = heading;
      else sections.push({ id: idOf(heading), title: heading, text: '' });
    } else {
      if (sections.length === 0) sections.push({ id: '', title: '', text: '' });
      const last = sections[sections.length - 1];
      if (last) last.text += withoutAddresses(token.raw);
    }
  }
  const name = nameOf(file);
  const shown = sections.filter(({ id }) => id !== '').map(({ id, title: of }) => ({ id, title: of }));
  return {
    guide: { name, title, sections: shown, html: marked.parser(tokens) },
    entry: { name, title, sections },
    links,
  };
}

/** Nobody looks for the words of a link's address. */
function withoutAddresses(markdown: string): string {
  return markdown.replaceAll(/\]\([^)\s]*\)/g, ']');
}

function refuseBrokenLinks(pages: ReadonlyMap<string, Page>): void {
  for (const [file, { links }] of pages)
    for (const { file: target, section } of links)
      if (section !== '' && !pages.get(target)?.guide.sections.some(({ id }) => id === section))
        throw new Error(`${relative(root, file)} links to ${relative(root, target)}#${section}, which is not there.`);
}

/** docs/guides/data-sets.md is `data-sets`, docs/decisions/0001-x.md `decisions-0001-x`. */
function nameOf(file: string): string {
  return relative(docs, file)
    .replace(/^guides\//, '')
    .replace(/\.md$/, '')
    .replaceAll('/', '-');
}

/** The id of a heading as GitHub makes it. */
function idOf(title: string): string {
  return title
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(/\s/g, '-');
}

function plainText(tokens: readonly Token[]): string {
  return tokens
    .map(token =>
      'tokens' in token && token.tokens ? plainText(token.tokens) : 'text' in token ? token.text : token.raw,
    )
    .join('');
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function isHeading(token: Token): token is Tokens.Heading {
  return token.type === 'heading';
}
