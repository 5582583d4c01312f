/** Distinguished encoding rules (X.690), as far as an X.509 certificate needs them (RFC 5280). */

export function tagged(tag: number, ...contents: Uint8Array[]): Buffer {
  const content = Buffer.concat(contents);
  if (content.length < 0x80) return Buffer.concat([Buffer.from([tag, content.length]), content]);
  const hexadecimal = content.length.toString(16);
  const digits = Buffer.from(hexadecimal.padStart(hexadecimal.length + (hexadecimal.length % 2), '0'), 'hex');
  return Buffer.concat([Buffer.from([tag, 0x80 | digits.length]), digits, content]);
}

export function sequence(...contents: Uint8Array[]): Buffer {
  return tagged(0x30, ...contents);
}

export function explicit(number: number, content: Uint8Array): Buffer {
  return tagged(0xa0 | number, content);
}

export function integer(bytes: Uint8Array): Buffer {
  return tagged(0x02, bytes);
}

/** Without leading zeros, but one where the first bit would make it negative. */
export function positive(bytes: Buffer): Buffer {
  const first = bytes.findIndex(byte => byte !== 0);
  const digits = first === -1 ? Buffer.from([0]) : bytes.subarray(first);
  return (digits[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.from([0]), digits]) : digits;
}

export function bitString(bytes: Uint8Array): Buffer {
  return tagged(0x03, Buffer.from([0]), bytes);
}

export function objectIdentifier(text: string): Buffer {
  const [first = 0, second = 0, ...rest] = text.split('.').map(Number);
  const bytes = [first * 40 + second];
  for (const arc of rest) {
    const groups = [arc & 0x7f];
    for (let left = arc >>> 7; left > 0; left >>>= 7) groups.unshift((left & 0x7f) | 0x80);
    bytes.push(...groups);
  }
  return tagged(0x06, Buffer.from(bytes));
}

/** @param attributes object identifier and text of each, in order; at most 64 characters of a text are taken */
export function distinguishedName(...attributes: readonly [id: string, text: string][]): Buffer {
  const sets = attributes.map(([id, text]) =>
    tagged(0x31, sequence(objectIdentifier(id), tagged(0x0c, Buffer.from(text.slice(0, 64), 'utf8')))),
  );
  return sequence(...sets);
}

/** UTCTime to 2049, GeneralizedTime from then on (RFC 5280 §4.1.2.5). */
export function time(date: Date): Buffer {
  const digits = date.toISOString().replace(/\.\d+/, '').replace(/[-:T]/g, '');
  return date.getUTCFullYear() < 2050
    ? tagged(0x17, Buffer.from(digits.slice(2), 'latin1'))
    : tagged(0x18, Buffer.from(digits, 'latin1'));
}

export function extension(id: string, critical: boolean, value: Uint8Array): Buffer {
  const flag = critical ? [tagged(0x01, Buffer.from([0xff]))] : [];
  return sequence(objectIdentifier(id), ...flag, tagged(0x04, value));
}

export function pem(label: string, bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
