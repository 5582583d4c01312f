import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync, type KeyPairKeyObjectResult, verify, X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { deflateSync } from 'node:zlib';
import type { Provenance } from '../../ports/content-credentials.ts';
import { selfSigned } from '../tls/self-signed.ts';
import { cbor } from './cbor.ts';
import { openContentCredentials } from './credentials.ts';
import { loadSigningPair, selfMadePair } from './signing-pair.ts';

const NOW = new Date('2026-11-26T00:00:00Z');
const folder = await mkdtemp(join(tmpdir(), 'likeness-c2pa-'));
after(() => rm(folder, { recursive: true }));

/** Signature, IHDR and something behind: nothing here looks at pixels. */
const PNG = Buffer.concat([
  Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex'),
  Buffer.alloc(17, 1),
  deflateSync('pixels'),
]);
const provenance: Provenance = {
  task: 'TEXT_IMAGE',
  inputImageCount: 0,
  baseModelId: 'likeness.art-v1',
  modelArn: 'arn:aws:bedrock:us-east-1:123456789012:custom-model/likeness.art-v1/abcdefghijkl',
};

async function signed(options: { certPath?: string; keyPath?: string; into?: string }, said = provenance, png = PNG) {
  const { certPath, keyPath, into = 'own' } = options;
  const place = { folder: join(folder, into), certPath, keyPath, now: NOW, version: '1.2.3' };
  const credentials = await openContentCredentials(place);
  const answer = { images: [png.toString('base64')], maskImage: null, cropBox: null, watermark: null, caption: null };
  const { images } = await credentials.sign({ ...answer, isWatermarked: said.task === 'TEXT_IMAGE' }, said);
  return Buffer.from(images[0] ?? '', 'base64');
}

/** The content of each CBOR box, by the label of the superbox that it is in. */
function boxesOf(bytes: Buffer, label = '', found = new Map<string, Buffer>()): Map<string, Buffer> {
  for (let at = 0, own = label; at < bytes.length; ) {
    const length = bytes.readUInt32BE(at);
    const type = bytes.toString('latin1', at + 4, at + 8);
    const content = bytes.subarray(at + 8, at + length);
    if (type === 'jumb') boxesOf(content, own, found);
    else if (type === 'jumd') own = content.toString('latin1', 17, content.length - 1);
    else found.set(own, content);
    at += length;
  }
  return found;
}

/** The chunk stands behind IHDR. */
function storeOf(png: Buffer): Buffer {
  assert.equal(png.toString('latin1', 37, 41), 'caBX');
  return png.subarray(41, 41 + png.readUInt32BE(33));
}

const kinds: Record<string, [KeyPairKeyObjectResult, string | null, object]> = {
  Ed25519: [generateKeyPairSync('ed25519'), null, {}],
  'P-256': [generateKeyPairSync('ec', { namedCurve: 'P-256' }), 'sha256', { dsaEncoding: 'ieee-p1363' }],
  'P-384': [generateKeyPairSync('ec', { namedCurve: 'P-384' }), 'sha384', { dsaEncoding: 'ieee-p1363' }],
  'P-521': [generateKeyPairSync('ec', { namedCurve: 'P-521' }), 'sha512', { dsaEncoding: 'ieee-p1363' }],
  RSA: [generateKeyPairSync('rsa', { modulusLength: 2048 }), 'sha256', { padding: 6, saltLength: 32 }],
};
const signatureBytes: Record<string, number> = { Ed25519: 64, 'P-256': 64, 'P-384': 96, 'P-521': 132, RSA: 256 };

for (const [kind, [keys, digest, options]] of Object.entries(kinds))
  test(`The claim is signed with a ${kind} key of the user's`, async () => {
    const pair = await write(kind, selfMadePair(NOW, keys));
    const boxes = boxesOf(storeOf(await signed(pair)));
    const claim = boxes.get('c2pa.claim.v2');
    const whole = boxes.get('c2pa.signature');
    assert.ok(claim && whole);
    const signature = whole.subarray(-(signatureBytes[kind] ?? 0));
    // Tag 18, an array of four, and the protected header with a length of two bytes.
    assert.equal(whole.toString('hex', 0, 3), 'd28459');
    const header = whole.subarray(5, 5 + whole.readUInt16BE(3));
    const leaf = new X509Certificate(await readFile(pair.certPath));
    assert.ok(header.includes(leaf.raw), 'the certificate goes along');
    const toBeSigned = cbor(['Signature1', header, Buffer.alloc(0), claim]);
    assert.ok(verify(digest, toBeSigned, { key: leaf.publicKey, ...options }, signature));
  });

test('The claim hashes the assertions, and they the file without the chunk that holds them', async () => {
  const png = await signed({});
  const boxes = boxesOf(storeOf(png));
  const hash = boxes.get('c2pa.hash.data') ?? PNG;
  assert.ok(hash.includes(createHash('sha256').update(PNG).digest()));
  const chunkBytes = png.length - PNG.length;
  assert.ok(hash.includes(cbor({ start: 33, length: chunkBytes })));
  assert.ok(boxes.get('c2pa.actions.v2')?.includes(provenance.modelArn));
});

test('The same picture gets the same bytes, by another start on the same folder too; another model other ones', async () => {
  const first = await signed({});
  assert.deepEqual(await signed({}), first);
  assert.notDeepEqual(await signed({}, { ...provenance, modelArn: 'arn:aws:bedrock:us-east-1::other' }), first);
  assert.notDeepEqual(await signed({ into: 'another installation' }), first);
});

test('Nobody else may read the key, and a pair that is damaged or ends soon is made anew', async () => {
  await signed({ into: 'kept' });
  const [certPath, keyPath] = [join(folder, 'kept/cert.pem'), join(folder, 'kept/key.pem')];
  assert.equal((await stat(keyPath)).mode & 0o777, 0o600);
  assert.equal((await stat(join(folder, 'kept'))).mode & 0o777, 0o700);
  const before = await readFile(certPath, 'utf8');
  await writeFile(certPath, before.slice(0, 100));
  await signed({ into: 'kept' });
  const made = await readFile(certPath, 'utf8');
  assert.notEqual(made, before);
  const options = { folder: join(folder, 'kept'), certPath: undefined, keyPath: undefined };
  const late = new Date(new Date(new X509Certificate(made).validTo).getTime() - 29 * 24 * 60 * 60 * 1000);
  assert.notEqual((await loadSigningPair({ ...options, now: late })).cert, made);
});

test('An edited picture says what it was, a cut one that no model drew in it, and what is not marked says nothing of marks', async () => {
  const actions = async (task: Provenance['task'], inputImageCount = 1) =>
    boxesOf(storeOf(await signed({}, { ...provenance, task, inputImageCount })));
  const edited = await actions('INPAINTING');
  assert.ok(edited.get('c2pa.ingredient.v3')?.includes('parentOf'));
  for (const word of ['c2pa.opened', 'c2pa.edited', 'compositeWithTrainedAlgorithmicMedia'])
    assert.ok(edited.get('c2pa.actions.v2')?.includes(word), word);
  assert.ok(!edited.get('c2pa.actions.v2')?.includes('watermarked'));
  const cut = (await actions('SMART_CROP')).get('c2pa.actions.v2') ?? PNG;
  assert.ok(cut.includes('c2pa.cropped'));
  assert.ok(!cut.includes('modelArn'));
  const varied = await actions('IMAGE_VARIATION', 3);
  assert.ok(varied.get('c2pa.ingredient.v3__2')?.includes('inputTo'));
  const drawn = (await actions('TEXT_IMAGE', 0)).get('c2pa.actions.v2') ?? PNG;
  assert.ok(drawn.includes('digitalsourcetype/trainedAlgorithmicMedia'));
  assert.ok(drawn.includes('c2pa.watermarked.unbound'));
});

test('A pair that validators would refuse is refused at the start, by the name of its setting', async () => {
  const good = await write('good', selfMadePair(NOW, generateKeyPairSync('ed25519')));
  const other = await write('other', selfMadePair(NOW, generateKeyPairSync('ed25519')));
  const old = await write('old', selfMadePair(new Date('2010-01-01T00:00:00Z'), generateKeyPairSync('ed25519')));
  const lone = await write('lone', selfSigned(['localhost'], NOW, new Date('2027-01-01T00:00:00Z')));
  const bitcoin = generateKeyPairSync('ec', { namedCurve: 'secp256k1' });
  const curve = await write('curve', selfMadePair(NOW, bitcoin));
  await assert.rejects(signed({ certPath: good.certPath }), /LIKENESS_C2PA_CERT and LIKENESS_C2PA_KEY go together/);
  await assert.rejects(signed({ ...good, keyPath: other.keyPath }), /LIKENESS_C2PA_KEY does not belong to/);
  await assert.rejects(signed(old), /LIKENESS_C2PA_CERT ended at Dec 29 .* 2019/);
  await assert.rejects(signed(lone), /LIKENESS_C2PA_CERT must be issued by an authority/);
  await assert.rejects(signed(curve), /LIKENESS_C2PA_KEY must be an Ed25519 key, .* it is ec secp256k1/);
});

test('What is no PNG is not signed', async () => {
  await assert.rejects(signed({}, provenance, Buffer.from('a text')), /is no PNG/);
});

async function write(name: string, { cert, key }: { cert: string; key: string }) {
  const paths = { certPath: join(folder, `${name}.pem`), keyPath: join(folder, `${name}-key.pem`) };
  await writeFile(paths.certPath, cert);
  await writeFile(paths.keyPath, key);
  return paths;
}
