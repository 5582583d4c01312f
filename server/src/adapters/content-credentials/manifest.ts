/**
 * A C2PA manifest store with one manifest (C2PA 2.2): what was done, a hash of the file, and the claim that both are so,
 * signed. Everything in it follows from the file, the provenance and the key: no time, nothing random.
 */
import { createHash } from 'node:crypto';
import type { Provenance } from '../../ports/content-credentials.ts';
import type { ImageTask } from '../../ports/inference.ts';
import { type CborValue, cbor } from './cbor.ts';
import type { SignClaim } from './claim-signer.ts';
import { box, labelled, superbox } from './jumbf.ts';

export interface ManifestParts extends Provenance {
  isWatermarked: boolean;
  /** SHA-256 of the file as it is without the manifest. */
  fileSha256: Buffer;
  /** Where in the signed file the manifest's chunk begins, and how long it is for a store of so many bytes. */
  excludedAt: number;
  excludedLength(storeBytes: number): number;
  generator: { name: string; version: string };
  sign: SignClaim;
}

type Fields = Readonly<Record<string, CborValue>>;

interface Assertion {
  label: string;
  /** What its superbox holds, and what a reference hashes. */
  content: Buffer;
}

/** Terms of the IPTC's NewsCodes (and C2PA's own two actions for a picture that was there before). */
const SOURCE_TYPE = 'http://cv.iptc.org/newscodes/digitalsourcetype/';
/** Of parameters that are this product's. */
const OWN = 'dev.likeness';
/** Tasks that go on from the picture they are given; the others draw a new one, after those given. */
const EDITS: Readonly<Partial<Record<ImageTask, Fields>>> = {
  INPAINTING: { action: 'c2pa.edited', digitalSourceType: `${SOURCE_TYPE}compositeWithTrainedAlgorithmicMedia` },
  OUTPAINTING: { action: 'c2pa.edited', digitalSourceType: `${SOURCE_TYPE}compositeWithTrainedAlgorithmicMedia` },
  BACKGROUND_REMOVAL: { action: 'c2pa.edited', digitalSourceType: `${SOURCE_TYPE}algorithmicallyEnhanced` },
  SMART_CROP: { action: 'c2pa.cropped' },
};
/** Of these no model draws a pixel. */
const CUTS: readonly ImageTask[] = ['BACKGROUND_REMOVAL', 'SMART_CROP'];

/** @returns the manifest store, a JUMBF superbox */
export function manifestStore(parts: ManifestParts): Buffer {
  // The store says how long its own chunk is; how long that number is settles at once, or at the second try.
  let length = 0;
  for (;;) {
    const store = storeWith(parts, length);
    const needed = parts.excludedLength(store.length);
    if (needed === length) return store;
    length = needed;
  }
}

function storeWith(parts: ManifestParts, excludedLength: number): Buffer {
  const { generator, sign, excludedAt, fileSha256 } = parts;
  const edit = EDITS[parts.task];
  const label = `urn:c2pa:${identifier(parts)}`;
  const ingredients = Array.from({ length: edit ? 1 : parts.inputImageCount }, (_, index) =>
    assertion(index === 0 ? 'c2pa.ingredient.v3' : `c2pa.ingredient.v3__${index}`, {
      relationship: edit ? 'parentOf' : 'inputTo',
    }),
  );
  const hash = assertion('c2pa.hash.data', {
    exclusions: [{ start: excludedAt, length: excludedLength }],
    name: 'jumbf manifest',
    alg: 'sha256',
    hash: fileSha256,
    pad: Buffer.alloc(0),
  });
  const actions = assertion('c2pa.actions.v2', { actions: actionsOf(parts, edit, ingredients.map(reference)) });
  const assertions = [actions, ...ingredients, hash];
  const signatureLabel = 'c2pa.signature';
  const claim = cbor({
    instanceID: `xmp:iid:${identifier(parts)}`,
    claim_generator_info: { ...generator },
    signature: `self#jumbf=/c2pa/${label}/${signatureLabel}`,
    created_assertions: assertions.map(reference),
    alg: 'sha256',
  });
  const manifest = labelled(
    'c2ma',
    label,
    superbox(labelled('c2as', 'c2pa.assertions', ...assertions.map(({ content }) => superbox(content)))),
    superbox(labelled('c2cl', 'c2pa.claim.v2', box('cbor', claim))),
    superbox(labelled('c2cs', signatureLabel, box('cbor', sign(claim)))),
  );
  return superbox(labelled('c2pa', 'c2pa', superbox(manifest)));
}

/** First what there was, or that it is new; then what was done. */
function actionsOf(parts: ManifestParts, edit: Fields | undefined, ingredients: readonly Fields[]): Fields[] {
  const { task, generator, baseModelId, modelArn, isWatermarked } = parts;
  const agent = CUTS.includes(task) ? { ...generator } : { name: baseModelId };
  const own = { [`${OWN}.taskType`]: task, ...(!CUTS.includes(task) && { [`${OWN}.modelArn`]: modelArn }) };
  const watermarked = isWatermarked ? [{ action: 'c2pa.watermarked.unbound', softwareAgent: { ...generator } }] : [];
  if (edit) {
    const opened = { action: 'c2pa.opened', parameters: { ingredients } };
    return [opened, { ...edit, softwareAgent: agent, parameters: own }, ...watermarked];
  }
  const created = {
    action: 'c2pa.created',
    digitalSourceType: `${SOURCE_TYPE}trainedAlgorithmicMedia`,
    softwareAgent: agent,
    parameters: { ...own, ...(ingredients.length > 0 && { ingredients }) },
  };
  return [created, ...watermarked];
}

function assertion(label: string, fields: Fields): Assertion {
  return { label, content: labelled('cbor', label, box('cbor', cbor(fields))) };
}

function reference({ label, content }: Assertion): Fields {
  return { url: `self#jumbf=c2pa.assertions/${label}`, hash: createHash('sha256').update(content).digest() };
}

/** A UUID of version 8 (RFC 9562 §5.8) from what the manifest is about: the same picture of the same model has the same. */
function identifier({ fileSha256, task, baseModelId, modelArn }: ManifestParts): string {
  const bytes = createHash('sha256')
    .update(fileSha256)
    .update(JSON.stringify([task, baseModelId, modelArn]))
    .digest();
  bytes[6] = 0x80 | ((bytes[6] ?? 0) & 0x0f);
  bytes[8] = 0x80 | ((bytes[8] ?? 0) & 0x3f);
  return bytes.toString('hex', 0, 16).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
