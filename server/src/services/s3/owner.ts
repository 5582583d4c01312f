import type { Owner } from '@aws-sdk/client-s3';
import { canonicalUserId } from '../../domain/access/acl.ts';

/** How S3 shows the owner of something. */
export function ownerOf(accountId: string): Owner {
  return { ID: canonicalUserId(accountId) };
}
