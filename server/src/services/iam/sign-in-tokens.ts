import { createHash } from 'node:crypto';
import type { CredentialDependencies } from './credentials.ts';

const TOKEN_BYTES = 32;

/** A secret by which somebody signs in without a password: of a link, or of a browser's session. */
export function newSignInToken(ids: CredentialDependencies['ids']): string {
  return Buffer.from(ids.bytes(TOKEN_BYTES)).toString('base64url');
}

/** What is kept of it: SHA-256, in hexadecimal. */
export function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}
