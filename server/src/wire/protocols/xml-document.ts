/** The text of an element, beside the elements that are in it by their names. */
export const TEXT = Symbol('text');

/** An element. One that comes several times is a list; the one attribute that S3 has is a string. */
export interface XmlElement {
  [TEXT]: string;
  [name: string]: XmlElement | XmlElement[] | string;
}

export interface XmlDocument {
  /** Local name of the root element. */
  name: string;
  root: XmlElement;
}

interface Open {
  /** As it is written, with its prefix: the end tag must repeat it. */
  tag: string;
  element: XmlElement;
  hasElements: boolean;
}

/** S3's only attribute: what kind a grantee is. */
const TYPE_ATTRIBUTE = 'xsi:type';
const START_TAG = /<([^\s<>/=&'"]+)((?:\s+[^\s<>/=&'"]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(\/?)>/y;
const END_TAG = /<\/([^\s<>/]+)\s*>/y;
const ATTRIBUTE = /([^\s=]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g;
const REFERENCE = /&(?:#x([0-9a-fA-F]{1,6});|#([0-9]{1,7});|([a-z]{2,4});|)/g;
const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
const NOT_SPACE = /[^ \t\n]/;
/** The largest document that S3 takes completes an upload of 10,000 parts, a dozen elements each. */
const MOST_ELEMENTS = 200_000;

/**
 * Reads a document. Space between elements means nothing, however it is made; the text of an element without elements
 * stays as it is. Characters that XML does not have are taken as they come: keys of S3 may hold them.
 * @throws Error for what is not well-formed, has a DOCTYPE or text beside elements, nests too deep or has too many elements
 */
export function readXml(source: string, depthLimit: number): XmlDocument {
  const text = source.replace(/^\ufeff/, '').replace(/\r\n?/g, '\n');
  const open: Open[] = [];
  let document: XmlDocument | undefined;
  let position = 0;
  let elementCount = 0;

  function skipTo(end: string): string {
    const found = text.indexOf(end, position);
    if (found < 0) throw malformed(`${end} is missing`);
    const skipped = text.slice(position, found);
    position = found + end.length;
    return skipped;
  }

  function addText(added: string): void {
    const parent = open.at(-1);
    if (parent) parent.element[TEXT] += added;
    else if (NOT_SPACE.test(added)) throw malformed('there is text outside the root element');
  }

  function startElement(): void {
    START_TAG.lastIndex = position;
    const [tag, name = '', attributes = '', closed] = START_TAG.exec(text) ?? [];
    if (tag === undefined) throw malformed('a tag is none');
    position += tag.length;
    elementCount += 1;
    if (elementCount > MOST_ELEMENTS) throw malformed(`it has more than ${MOST_ELEMENTS} elements`);
    const element = newElement(attributes);
    const parent = open.at(-1);
    if (parent) {
      addChild(parent.element, localName(name), element);
      parent.hasElements = true;
    } else if (document) throw malformed('there is more than one root element');
    else document = { name: localName(name), root: element };
    if (closed) return;
    open.push({ tag: name, element, hasElements: false });
    if (open.length > depthLimit) throw malformed(`it nests more than ${depthLimit} levels`);
  }

  function endElement(): void {
    END_TAG.lastIndex = position;
    const [tag, name] = END_TAG.exec(text) ?? [];
    const ended = open.pop();
    if (ended === undefined || ended.tag !== name) throw malformed(`</${ended?.tag ?? ''}> is missing`);
    position += tag?.length ?? 0;
    if (!ended.hasElements) return;
    if (NOT_SPACE.test(ended.element[TEXT])) throw malformed(`${ended.tag} has text beside its elements`);
    ended.element[TEXT] = '';
  }

  while (position < text.length) {
    const next = text.indexOf('<', position);
    const end = next < 0 ? text.length : next;
    if (end > position) addText(resolved(text.slice(position, end)));
    position = end;
    if (next < 0) break;
    if (text.startsWith('<!--', position)) {
      position += 4;
      skipTo('-->');
    } else if (text.startsWith('<![CDATA[', position) && open.length > 0) {
      position += 9;
      addText(skipTo(']]>'));
    } else if (text.startsWith('<?', position)) skipTo('?>');
    else if (text.startsWith('</', position)) endElement();
    else startElement();
  }
  if (document === undefined || open.length > 0) throw malformed(`</${open.at(-1)?.tag ?? ''}> is missing`);
  return document;
}

function newElement(attributes: string): XmlElement {
  // Without a prototype: an element may have any name.
  const element: XmlElement = Object.assign(Object.create(null), { [TEXT]: '' });
  for (const [, name = '', double, single] of attributes.matchAll(ATTRIBUTE))
    if (/^(?!xmlns:)[^:]+:type$/.test(name)) element[TYPE_ATTRIBUTE] = resolved(double ?? single ?? '');
  return element;
}

function addChild(parent: XmlElement, name: string, child: XmlElement): void {
  const known = parent[name];
  if (Array.isArray(known)) known.push(child);
  else parent[name] = typeof known === 'object' ? [known, child] : child;
}

function localName(tag: string): string {
  return tag.slice(tag.indexOf(':') + 1);
}

function resolved(text: string): string {
  return text.replace(REFERENCE, (_, hexadecimal?: string, decimal?: string, entity?: string) => {
    if (entity !== undefined && Object.hasOwn(ENTITIES, entity)) return ENTITIES[entity] ?? '';
    const code = hexadecimal ? Number.parseInt(hexadecimal, 16) : Number(decimal);
    if (!(code <= 0x10ffff) || (code >= 0xd800 && code <= 0xdfff)) throw malformed('a reference is to no character');
    return String.fromCodePoint(code);
  });
}

function malformed(what: string): Error {
  return new Error(`This is no XML: ${what}.`);
}
