import type { AclGrant } from '../domain/access/acl.ts';
import type { StorageClass } from '../domain/storage-class.ts';

/** Checksums that clients may ask for; the value beside is base64 of the big-endian digest. */
export type ChecksumAlgorithm = 'CRC32' | 'CRC32C' | 'CRC64NVME' | 'SHA1' | 'SHA256' | 'SHA512' | 'MD5';
/** Of the whole object's bytes, or of its parts' digests one after another. */
export type ChecksumType = 'FULL_OBJECT' | 'COMPOSITE';

/** Null until it has been set once: each key has the null version only. */
export type BucketVersioning = 'Enabled' | 'Suspended' | null;

/** What operations like PutBucketCors keep of a bucket; the value is the operation's own. */
export type BucketSettingName =
  | 'acl'
  | 'cors'
  | 'encryption'
  | 'lifecycle'
  | 'ownership'
  | 'publicAccessBlock'
  | 'tagging';

/** Tags of an object by their keys. */
export type Tags = Readonly<Record<string, string>>;

export interface BucketRow {
  /** One name space for all accounts and Regions of the installation. */
  name: string;
  accountId: string;
  region: string;
  createdAt: Date;
  /** The bucket policy as it was sent, or null. */
  policy: string | null;
  versioning: BucketVersioning;
}

/** What the writer said of an object and every reader hears again. */
export interface ObjectDescription {
  contentType: string;
  cacheControl?: string;
  contentDisposition?: string;
  contentEncoding?: string;
  contentLanguage?: string;
  /** As sent: S3 returns even a date that is none. */
  expires?: string;
  /** x-amz-meta-*, lower-case names without that prefix. */
  metadata: Record<string, string>;
  /** Absent: written before objects were encrypted. */
  encryption?: ObjectEncryption;
}

/** How an object's bytes are encrypted: under a data key of its own, which is kept wrapped. */
export interface ObjectEncryption {
  wrapped: string;
  /** KMS's encryption context; of the service's own key, what the data key is bound to. */
  context: Record<string, string>;
  /** The KMS key that wraps the data key; absent: the service's own (SSE-S3), or a customer's (SSE-C). */
  keyArn?: string;
  bucketKey?: boolean;
  /** Base64; the customer's key itself is kept nowhere. */
  customerKeyMd5?: string;
}

/** Whose an object is, and whom else its writer let at it: counts where the bucket has ACLs. */
export interface ObjectAccess {
  /** Null: the bucket's owner. */
  ownerAccountId: string | null;
  /** Null: full control for the owner alone. */
  grants: readonly AclGrant[] | null;
}

export interface ObjectSummary extends Pick<ObjectAccess, 'ownerAccountId'> {
  key: string;
  sizeBytes: number;
  /** Without quotes: hex MD5, or `md5-of-md5s-N` for a multipart upload. */
  etag: string;
  /** Whole seconds, as S3 keeps them. */
  modifiedAt: Date;
  checksumAlgorithm: ChecksumAlgorithm | null;
  checksumType: ChecksumType | null;
  /** A delete marker's says nothing. */
  storageClass: StorageClass;
}

export interface VersionSummary extends ObjectSummary {
  /** Null: the null version, of a bucket that kept no versions when it was written. */
  versionId: string | null;
  /** Falls from version to version of a key: the newest is listed first. */
  rank: number;
  isLatest: boolean;
  /** Has no bytes: hides the versions under it. */
  isDeleteMarker: boolean;
}

/** A version of an object. */
export interface ObjectRow extends VersionSummary, ObjectAccess {
  bucket: string;
  /** Owns the segments; for a multipart upload its upload id, so that completing moves no row. */
  objectId: string;
  checksum: string | null;
  /** Null unless it came from a multipart upload. */
  partsCount: number | null;
  description: ObjectDescription;
  tags: Tags;
}

/** A piece of an object, or an uploaded part that waits for its completion. */
export interface SegmentRow {
  /** The object's id, or the upload's. */
  ownerId: string;
  /** 1 to 10,000; an object reads its segments in this order. */
  partNumber: number;
  blobId: string;
  sizeBytes: number;
  etag: string;
  checksum: string | null;
  modifiedAt: Date;
}

export interface UploadRow extends ObjectAccess {
  /** Sorts by the time of its start. */
  uploadId: string;
  bucket: string;
  key: string;
  startedAt: Date;
  initiatorArn: string;
  /** Null where the client named none: CRC64NVME is computed then. */
  checksumAlgorithm: ChecksumAlgorithm | null;
  checksumType: ChecksumType | null;
  description: ObjectDescription;
  storageClass: StorageClass;
  tags: Tags;
  /** Id of the object that the key held at the start, '' where it held none; null: started before this was kept. */
  keyHeld: string | null;
}

/** Where a list goes on, in UTF-8 order of keys. */
export interface ListPosition {
  key: string;
  /** The key itself belongs to the page. */
  inclusive: boolean;
  /** Uploads only: goes on behind this upload of the key. */
  uploadId?: string;
  /** Versions only: goes on behind this version of the key. */
  rank?: number;
}

/** Keys from a position up to, and without, an end; `end` undefined: no end. */
export interface KeyRange {
  from: ListPosition;
  end: string | undefined;
  limit: number;
}

/** Versions of objects, delete markers included. */
export interface VersionRows {
  /** The current version; undefined where there is none, or a delete marker is the latest. */
  object(bucket: string, key: string): Promise<ObjectRow | undefined>;
  /** The latest version, which may be a delete marker. */
  latest(bucket: string, key: string): Promise<ObjectRow | undefined>;
  version(bucket: string, key: string, versionId: string | null): Promise<ObjectRow | undefined>;
  /** What a multipart upload became. */
  versionOfUpload(bucket: string, key: string, uploadId: string): Promise<ObjectRow | undefined>;
  /** Current versions. */
  objects(bucket: string, range: KeyRange): Promise<ObjectSummary[]>;
  /** All versions, the newest of a key first. */
  versions(bucket: string, range: KeyRange): Promise<VersionSummary[]>;
  hasVersions(bucket: string): Promise<boolean>;
  /** The rank of the version that addVersion is about to write. */
  nextRank(bucket: string, key: string): Promise<number>;
  /** Adds the key's latest version, with the rank that nextRank gave; the caller has deleted what it replaces. */
  addVersion(row: Omit<ObjectRow, 'isLatest'>): Promise<void>;
  /**
   * Deletes a version for good; the next older one is the latest then.
   * @returns blobs that no row names any more; empty where there is no such version
   */
  deleteVersion(bucket: string, key: string, versionId: string | null): Promise<string[]>;
  setTags(version: Pick<ObjectRow, 'bucket' | 'key' | 'rank'>, tags: Tags): Promise<void>;
  /** Leaves all else of the version as it is. */
  setStorageClass(version: Pick<ObjectRow, 'bucket' | 'key' | 'rank'>, storageClass: StorageClass): Promise<void>;
  setGrants(version: Pick<ObjectRow, 'bucket' | 'key' | 'rank'>, grants: ObjectAccess['grants']): Promise<void>;
}

/** Rows of the s3 service. */
export interface S3Rows extends VersionRows {
  bucket(name: string): Promise<BucketRow | undefined>;
  buckets(query: {
    accountId: string;
    prefix: string;
    region?: string | undefined;
    after: string;
    limit: number;
  }): Promise<BucketRow[]>;
  createBucket(row: BucketRow): Promise<void>;
  setBucketPolicy(name: string, policy: string | null): Promise<void>;
  setBucketVersioning(name: string, versioning: BucketVersioning): Promise<void>;
  bucketSetting(bucket: string, name: BucketSettingName): Promise<unknown>;
  /** @param value undefined: deletes the setting */
  setBucketSetting(bucket: string, name: BucketSettingName, value: unknown): Promise<void>;
  bucketsWithSetting(name: BucketSettingName): Promise<string[]>;
  /** Removes an empty bucket with its unfinished uploads. @returns their blobs, for deletion after the commit */
  deleteBucket(name: string): Promise<string[]>;

  upload(uploadId: string): Promise<UploadRow | undefined>;
  uploads(bucket: string, range: KeyRange): Promise<UploadRow[]>;
  createUpload(row: UploadRow): Promise<void>;
  /** Forgets the upload, not its segments. */
  endUpload(uploadId: string): Promise<void>;

  /** In order of part number, above `after`. */
  segments(ownerId: string, page?: { after: number; limit: number }): Promise<SegmentRow[]>;
  /** Writes a segment over an earlier one of its number. @returns the blob that it replaced */
  putSegment(row: SegmentRow): Promise<string | undefined>;
  /** @returns the blobs of the segments removed: all of the owner's, or those with these numbers */
  deleteSegments(ownerId: string, partNumbers?: readonly number[]): Promise<string[]>;
  /** Which of these blobs no segment names: what a crash between bytes and rows left behind. */
  orphans(blobIds: readonly string[]): Promise<string[]>;
}
