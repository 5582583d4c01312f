import type { Claim, ClaimV2 } from './sigv4/claim.ts';
import type { ResolveCredential } from './sigv4/verify.ts';

const USE_NOTE_INTERVAL_MILLISECONDS = 5 * 60 * 1000;

/** Tells a key's owner of its use, now and then; nobody waits for it, and a session's key has no such note. */
export function keyUseNote(options: { resolveCredential: ResolveCredential; now(): Date }) {
  const notedAt = new Map<string, number>();
  return (claim: Claim | ClaimV2, used: { service: string; region: string }): void => {
    const now = options.now().getTime();
    const last = notedAt.get(claim.accessKeyId) ?? Number.NEGATIVE_INFINITY;
    if (claim.sessionToken !== undefined || now - last < USE_NOTE_INTERVAL_MILLISECONDS) return;
    notedAt.set(claim.accessKeyId, now);
    options.resolveCredential(claim.accessKeyId, undefined, used).catch(() => undefined);
  };
}
