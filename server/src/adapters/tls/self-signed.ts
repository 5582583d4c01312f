import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { isIP, isIPv4 } from 'node:net';

export interface KeyPair {
  /** PEM; the certificate may be followed by those that issued it. */
  cert: string;
  key: string;
}

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
  const name = distinguishedName(names[0] ?? 'localhost');
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

function pem(label: string, bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}

// Distinguished encoding rules (X.690), as far as a certificate needs them.

function tagged(tag: number, ...contents: Uint8Array[]): Buffer {
  const content = Buffer.concat(contents);
  if (content.length < 0x80) return Buffer.concat([Buffer.from([tag, content.length]), content]);
  const hexadecimal = content.length.toString(16);
  const digits = Buffer.from(hexadecimal.padStart(hexadecimal.length + (hexadecimal.length % 2), '0'), 'hex');
  return Buffer.concat([Buffer.from([tag, 0x80 | digits.length]), digits, content]);
}

function sequence(...contents: Uint8Array[]): Buffer {
  return tagged(0x30, ...contents);
}

function explicit(number: number, content: Uint8Array): Buffer {
  return tagged(0xa0 | number, content);
}

function integer(bytes: Uint8Array): Buffer {
  return tagged(0x02, bytes);
}

/** Without leading zeros, but one where the first bit would make it negative. */
function positive(bytes: Buffer): Buffer {
  const first = bytes.findIndex(byte => byte !== 0);
  const digits = first === -1 ? Buffer.from([0]) : bytes.subarray(first);
  return (digits[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.from([0]), digits]) : digits;
}

function bitString(bytes: Uint8Array): Buffer {
  return tagged(0x03, Buffer.from([0]), bytes);
}

function objectIdentifier(text: string): Buffer {
  const [first = 0, second = 0, ...rest] = text.split('.').map(Number);
  const bytes = [first * 40 + second];
  for (const arc of rest) {
    const groups = [arc & 0x7f];
    for (let left = arc >>> 7; left > 0; left >>>= 7) groups.unshift((left & 0x7f) | 0x80);
    bytes.push(...groups);
  }
  return tagged(0x06, Buffer.from(bytes));
}

const ECDSA_WITH_SHA256 = sequence(objectIdentifier('1.2.840.10045.4.3.2'));

function distinguishedName(commonName: string): Buffer {
  const value = tagged(0x0c, Buffer.from(commonName.slice(0, 64), 'utf8'));
  return sequence(tagged(0x31, sequence(objectIdentifier('2.5.4.3'), value)));
}

/** UTCTime to 2049, GeneralizedTime from then on (RFC 5280 §4.1.2.5). */
function time(date: Date): Buffer {
  const digits = date.toISOString().replace(/\.\d+/, '').replace(/[-:T]/g, '');
  return date.getUTCFullYear() < 2050
    ? tagged(0x17, Buffer.from(digits.slice(2), 'latin1'))
    : tagged(0x18, Buffer.from(digits, 'latin1'));
}

function extension(id: string, critical: boolean, value: Uint8Array): Buffer {
  const flag = critical ? [tagged(0x01, Buffer.from([0xff]))] : [];
  return sequence(objectIdentifier(id), ...flag, tagged(0x04, value));
}

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
