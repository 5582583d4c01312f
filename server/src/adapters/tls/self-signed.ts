import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { isIP, isIPv4 } from 'node:net';
import {
  bitString,
  distinguishedName,
  explicit,
  extension,
  integer,
  objectIdentifier,
  pem,
  positive,
  sequence,
  tagged,
  time,
} from '../certificates/der.ts';
import type { KeyPair } from '../certificates/key-pair.ts';

/**
 * A self-signed server certificate (X.509 v3, ECDSA on P-256; RFC 5280), which Node cannot make by itself. It is no
 * authority: whoever trusts it trusts this server and nothing that it could sign.
 * @param names DNS names and addresses, the first of which is also the subject
 */
export function selfSigned(names: readonly string[], notBefore: Date, notAfter: Date): KeyPair {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const subjectKey = publicKey.export({ format: 'der', type: 'spki' });
  // RFC 5280 §4.2.1.2: the SHA-1 of the key's bits, which end the structure (65 bytes on this curve).
  const keyId = createHash('sha1').update(subjectKey.subarray(-65)).digest();
  const name = distinguishedName(['2.5.4.3', names[0] ?? 'localhost']);
  const body = sequence(
    explicit(0, integer(Buffer.from([2]))),
    integer(positive(randomBytes(16))),
    ECDSA_WITH_SHA256,
    name,
    sequence(time(notBefore), time(notAfter)),
    name,
    subjectKey,
    explicit(
      3,
      sequence(
        extension('2.5.29.19', true, sequence()),
        // digitalSignature
        extension('2.5.29.15', true, tagged(0x03, Buffer.from([7, 0x80]))),
        // serverAuth
        extension('2.5.29.37', false, sequence(objectIdentifier('1.3.6.1.5.5.7.3.1'))),
        extension('2.5.29.14', false, tagged(0x04, keyId)),
        extension('2.5.29.35', false, sequence(tagged(0x80, keyId))),
        extension('2.5.29.17', false, sequence(...names.map(generalName))),
      ),
    ),
  );
  const certificate = sequence(body, ECDSA_WITH_SHA256, bitString(signed(body, privateKey)));
  return {
    cert: pem('CERTIFICATE', certificate),
    key: privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
  };
}

function signed(bytes: Buffer, key: KeyObject): Buffer {
  return sign('sha256', bytes, { key, dsaEncoding: 'der' });
}

const ECDSA_WITH_SHA256 = sequence(objectIdentifier('1.2.840.10045.4.3.2'));

function generalName(name: string): Buffer {
  return isIP(name) === 0 ? tagged(0x82, Buffer.from(name, 'latin1')) : tagged(0x87, addressBytes(name));
}

function addressBytes(address: string): Buffer {
  if (isIPv4(address)) return Buffer.from(address.split('.').map(Number));
  const [head = '', tail] = address.split('%', 1)[0]?.split('::') ?? [];
  const groups = (text: string) => (text === '' ? [] : text.split(':').flatMap(groupsOf));
  const front = groups(head);
  const back = tail === undefined ? [] : groups(tail);
  const words = [...front, ...new Array<number>(8 - front.length - back.length).fill(0), ...back];
  return Buffer.concat(words.map(word => Buffer.from([word >> 8, word & 0xff])));
}

function groupsOf(group: string): number[] {
  if (!group.includes('.')) return [Number.parseInt(group, 16)];
  const [a = 0, b = 0, c = 0, d = 0] = group.split('.').map(Number);
  return [(a << 8) | b, (c << 8) | d];
}
