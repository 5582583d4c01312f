import type { AccessRequest, RequestContext } from '../../domain/operation.ts';
import type { ObjectKeys } from '../../ports/object-keys.ts';
import type { Objects } from '../../ports/objects.ts';
import type { Store } from '../../ports/store.ts';
import type { Ids } from '../../ports/time.ts';
import type { BucketFinder } from './access.ts';
import type { BlobKeeper } from './blobs.ts';
import type { ObjectProtection } from './encryption.ts';

/** What main.ts gives the service. */
export interface S3Dependencies {
  store: Store;
  objects: Objects;
  ids: Ids;
  objectKeys: ObjectKeys;
  /** Names that the service is called by, before which a bucket's may stand. */
  hostNames: readonly string[];
  /** Whether the policy engine allows the caller all of these, for the request that has an answer for each key. */
  allows(requests: readonly AccessRequest[], ctx: RequestContext): Promise<boolean>;
}

/** What the resources' files share. */
export interface S3Parts extends S3Dependencies {
  buckets: BucketFinder;
  blobs: BlobKeeper;
  protection: ObjectProtection;
}
