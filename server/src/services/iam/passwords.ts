import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { Fault } from '../../domain/fault.ts';
import type { PasswordPolicyRow } from '../../ports/store-iam-login.ts';
import type { Ids } from '../../ports/time.ts';

/** OWASP's second choice for scrypt: 32 MiB and some 100 ms each. */
const COST = { N: 2 ** 15, r: 8, p: 3 };
const MAXIMUM_MEMORY_BYTES = 64 * 1024 * 1024;
const HASH_BYTES = 32;

/** @returns `scrypt$N$r$p$salt$hash`, so that the parameters may rise later */
export async function hashPassword(password: string, ids: Pick<Ids, 'bytes'>): Promise<string> {
  const salt = Buffer.from(ids.bytes(16));
  const hash = await derive(password, salt, COST);
  return ['scrypt', COST.N, COST.r, COST.p, salt.toString('base64url'), hash.toString('base64url')].join('$');
}

/** @param stored undefined: nobody has that name; it takes as long as a wrong password */
export async function passwordMatches(password: string, stored: string | undefined): Promise<boolean> {
  const [, N, r, p, salt = '', expected = ''] = (stored ?? NOBODY).split('$');
  const hash = await derive(password, Buffer.from(salt, 'base64url'), { N: Number(N), r: Number(r), p: Number(p) });
  return timingSafeEqual(hash, Buffer.from(expected, 'base64url')) && stored !== undefined;
}

const NOBODY = `scrypt$${COST.N}$${COST.r}$${COST.p}$${randomBytes(16).toString('base64url')}$${randomBytes(HASH_BYTES).toString('base64url')}`;

function derive(password: string, salt: Buffer, cost: typeof COST): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const options = { ...cost, maxmem: MAXIMUM_MEMORY_BYTES };
    scrypt(password.normalize('NFC'), salt, HASH_BYTES, options, (error, key) =>
      error ? reject(error) : resolve(key),
    );
  });
}

/** @throws Fault PasswordPolicyViolation that says which rule. @param policy undefined: AWS's default */
export function checkPassword(password: string, policy: PasswordPolicyRow | undefined): void {
  const kinds = {
    'a symbol': /[^A-Za-z0-9]/.test(password),
    'a number': /[0-9]/.test(password),
    'an uppercase letter': /[A-Z]/.test(password),
    'a lowercase letter': /[a-z]/.test(password),
  };
  const minimumLength = policy?.minimumLength ?? 8;
  if (password.length < minimumLength) throw violation(`Password should have a minimum length of ${minimumLength}`);
  if (policy === undefined) {
    // AWS: without a policy of the account, three of the four kinds.
    if (Object.values(kinds).filter(Boolean).length < 3)
      throw violation(
        'Password should have at least three of: a symbol, a number, an uppercase and a lowercase letter',
      );
    return;
  }
  const required: [boolean, keyof typeof kinds][] = [
    [policy.requireSymbols, 'a symbol'],
    [policy.requireNumbers, 'a number'],
    [policy.requireUppercase, 'an uppercase letter'],
    [policy.requireLowercase, 'a lowercase letter'],
  ];
  for (const [wanted, kind] of required)
    if (wanted && !kinds[kind]) throw violation(`Password should have at least ${kind}`);
}

/** @throws Fault PasswordPolicyViolation for one of the passwords that came before */
export async function checkReuse(
  password: string,
  hashes: readonly string[],
  policy: PasswordPolicyRow | undefined,
): Promise<void> {
  for (const hash of hashes.slice(0, policy?.reusePrevention ?? 0))
    if (await passwordMatches(password, hash))
      throw violation(`Password may not be one of the last ${policy?.reusePrevention}`);
}

function violation(message: string): Fault {
  return new Fault('invalid', message, { code: 'PasswordPolicyViolation' });
}
