/** Data sets being made, kept while the console is open: going to another page and back loses nothing. */
import { useSyncExternalStore } from 'react';
import { type Brought, stem } from './files.ts';
import { mended, readPicture, sha256 } from './picture-facts.ts';
import { type PictureFacts, pictureProblems, type SubjectMask } from './records.ts';
import { fetchPicture, type readVersion } from './store.ts';

export interface Picture {
  id: string;
  name: string;
  /** Absent until it is fetched from `uri`. */
  blob: Blob | undefined;
  /** Where it lies in S3 already. */
  uri: string | undefined;
  facts: PictureFacts | undefined;
  thumbnail: Blob | undefined;
  /** Why it cannot be read. */
  failure: string | undefined;
}

export interface DataSetDraft {
  pictures: readonly Picture[];
  captions: ReadonlyMap<string, string>;
  /** By picture, as captions are; most have none. */
  masks: ReadonlyMap<string, SubjectMask>;
  /** As typed: one a line. */
  triggers: string;
  /** What masks are looked for by, as typed. */
  subject: string;
  /** Something would be lost by closing the page. */
  isChanged: boolean;
  /** As it was before the last change of many records at once. */
  before: Pick<DataSetDraft, 'pictures' | 'captions' | 'masks'> | undefined;
}

const EMPTY: DataSetDraft = {
  ...{ pictures: [], captions: new Map(), masks: new Map() },
  ...{ triggers: '', subject: '', isChanged: false, before: undefined },
};
/** Pictures that are decoded at once. */
const PARALLEL = 3;
/** Facts arrive many a second: they are shown this often. */
const SHOW_MILLISECONDS = 200;

const drafts = new Map<string, DataSetDraft>();
const listeners = new Set<() => void>();
let count = 0;

export function useDataSetDraft(key: string): DataSetDraft {
  return useSyncExternalStore(
    listener => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => drafts.get(key) ?? EMPTY,
  );
}

export function draftNow(key: string): DataSetDraft {
  return drafts.get(key) ?? EMPTY;
}

export function changeDraft(key: string, change: Partial<DataSetDraft>): void {
  drafts.set(key, { ...draftNow(key), isChanged: true, ...change });
  for (const listener of listeners) listener();
}

export function forgetDraft(key: string): void {
  drafts.delete(key);
  for (const listener of listeners) listener();
}

window.addEventListener('beforeunload', event => {
  if ([...drafts.values()].some(draft => draft.isChanged)) event.preventDefault();
});

export function setCaptions(key: string, changed: ReadonlyMap<string, string>): void {
  changeDraft(key, { captions: new Map([...draftNow(key).captions, ...changed]) });
}

/** @param changed undefined: the picture has none any more */
export function setMasks(key: string, changed: ReadonlyMap<string, SubjectMask | undefined>): void {
  const masks = new Map(draftNow(key).masks);
  for (const [id, mask] of changed)
    if (mask) masks.set(id, mask);
    else masks.delete(id);
  changeDraft(key, { masks });
}

/** What captions that came without their pictures say of those that are here. */
export interface CaptionOffer {
  /** By picture: where there was none. */
  missing: ReadonlyMap<string, string>;
  /** By picture: where another one stands. */
  differing: ReadonlyMap<string, string>;
  /** How many name no picture, or one of several of that name. */
  strangerCount: number;
}

/** @param captions by the name of the picture without its ending */
export function captionOffer(key: string, captions: ReadonlyMap<string, string>): CaptionOffer {
  const { pictures, captions: present } = draftNow(key);
  const named = Map.groupBy(pictures, ({ name }) => stem(name));
  const missing = new Map<string, string>();
  const differing = new Map<string, string>();
  let strangerCount = 0;
  for (const [name, caption] of captions) {
    const [picture, ...others] = named.get(name) ?? [];
    const before = picture && (present.get(picture.id) ?? '').trim();
    if (picture === undefined || others.length > 0) strangerCount += 1;
    else if (before === '') missing.set(picture.id, caption);
    else if (before !== caption.trim()) differing.set(picture.id, caption);
  }
  return { missing, differing, strangerCount };
}

export function removePictures(key: string, ids: ReadonlySet<string>): void {
  const { pictures } = draftNow(key);
  changeDraft(key, { pictures: pictures.filter(({ id }) => !ids.has(id)) });
}

/** Before a change of many records: `undo` brings back what is there now. */
export function remember(key: string): void {
  const { pictures, captions, masks } = draftNow(key);
  changeDraft(key, { before: { pictures, captions, masks } });
}

export function undo(key: string): void {
  const { before } = draftNow(key);
  if (before) changeDraft(key, { ...before, before: undefined });
}

/** Takes pictures in, with the masks that came along, and then looks at each. */
export async function addPictures(key: string, brought: readonly Brought[]): Promise<void> {
  const captions = new Map(draftNow(key).captions);
  const broughtMasks = new Map<string, Blob>();
  const added = brought.map(({ name, blob, caption, mask }): Picture => {
    const picture = newPicture(name);
    captions.set(picture.id, caption);
    if (mask) broughtMasks.set(picture.id, mask);
    return { ...picture, blob };
  });
  changeDraft(key, { pictures: [...draftNow(key).pictures, ...added], captions });
  const masks = new Map<string, SubjectMask>();
  for (const [id, png] of broughtMasks) masks.set(id, { png, sha256: await sha256(await png.arrayBuffer()) });
  if (masks.size > 0) setMasks(key, masks);
  await lookAt(key, added);
}

/** The records of a saved version, unchanged so far. */
export function openSaved(
  key: string,
  { records, triggers, subject }: Awaited<ReturnType<typeof readVersion>>,
): Promise<void> {
  const captions = new Map<string, string>();
  const masks = new Map<string, SubjectMask>();
  const pictures = records.map(({ imageRef, caption, maskRef, name }): Picture => {
    const picture = newPicture(name ?? imageRef.slice(imageRef.lastIndexOf('/') + 1));
    captions.set(picture.id, caption);
    if (maskRef !== undefined) masks.set(picture.id, { uri: maskRef });
    return { ...picture, uri: imageRef };
  });
  changeDraft(key, { pictures, captions, masks, triggers, subject, isChanged: false });
  return lookAt(key, pictures);
}

/** Draws every picture that a job would refuse so that it takes it. */
export async function mendPictures(key: string): Promise<void> {
  const redrawn: Picture[] = [];
  for (const picture of draftNow(key).pictures) {
    const { blob, facts } = picture;
    if (!blob || !facts || !pictureProblems(facts).some(({ check }) => check === 'picture')) continue;
    const name = `${picture.name.replace(/\.[^.]*$/, '')}.jpg`;
    redrawn.push({ ...picture, name, blob: await mended(blob), uri: undefined, facts: undefined });
  }
  replace(key, redrawn);
  // What is cut off a picture is not cut off its mask.
  setMasks(key, new Map(redrawn.map(({ id }) => [id, undefined])));
  await lookAt(key, redrawn);
}

function newPicture(name: string): Picture {
  count += 1;
  return {
    ...{ id: String(count), name, blob: undefined, uri: undefined },
    ...{ facts: undefined, thumbnail: undefined, failure: undefined },
  };
}

async function lookAt(key: string, pictures: readonly Picture[]): Promise<void> {
  let next = 0;
  let seen: Picture[] = [];
  const show = () => {
    if (seen.length > 0) replace(key, seen);
    seen = [];
  };
  const timer = setInterval(show, SHOW_MILLISECONDS);
  async function look(): Promise<void> {
    for (let picture = pictures[next++]; picture !== undefined; picture = pictures[next++]) {
      try {
        const brought = picture.blob ?? (await fetchPicture(picture.uri ?? ''));
        const read = await readPicture(brought);
        // Not awaited inside the call: `seen` may be another list by then.
        seen.push({ ...picture, ...read });
      } catch (error) {
        seen.push({
          ...picture,
          failure: picture.uri ? String((error as Error).message) : 'No picture that can be read',
        });
      }
    }
  }
  await Promise.all(Array.from({ length: PARALLEL }, look));
  clearInterval(timer);
  show();
}

function replace(key: string, changed: readonly Picture[]): void {
  const byId = new Map(changed.map(picture => [picture.id, picture]));
  const { pictures, isChanged } = draftNow(key);
  changeDraft(key, { pictures: pictures.map(picture => byId.get(picture.id) ?? picture), isChanged });
}
