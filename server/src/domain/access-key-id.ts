const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/**
 * A new access key id that tells its account, as AWS's do: behind the prefix 16 characters of base32, whose bits 1 to 40
 * are the account. The rest is random.
 * @param prefix `AKIA` for long-term keys, `ASIA` for those of sessions
 */
export function newAccessKeyId(
  prefix: 'AKIA' | 'ASIA',
  accountId: string,
  ids: { bytes(length: number): Uint8Array },
): string {
  const random = BigInt(`0x${Buffer.from(ids.bytes(10)).toString('hex')}`);
  const spared = ((1n << 40n) - 1n) << 39n;
  let bits = (random & ~spared) | (BigInt(accountId) << 39n);
  let text = '';
  for (let index = 0; index < 16; index++) {
    text = BASE32[Number(bits & 31n)] + text;
    bits >>= 5n;
  }
  return prefix + text;
}

/** The account of a key that `newAccessKeyId` made; undefined for what cannot be one. */
export function accountOfAccessKeyId(accessKeyId: string): string | undefined {
  const [, text] = /^A[KS]IA([A-Z2-7]{16})$/.exec(accessKeyId) ?? [];
  if (text === undefined) return undefined;
  const bits = [...text].reduce((sum, character) => (sum << 5n) | BigInt(BASE32.indexOf(character)), 0n);
  return String((bits >> 39n) & ((1n << 40n) - 1n)).padStart(12, '0');
}
