/**
 * A customer's buckets as a service role sees them. The training loop reads and writes through this and nothing else:
 * the same S3 operations, the same policies, as any client with the role's credentials.
 */
export interface RoleSession {
  accountId: string;
  region: string;
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken: string;
  expiresAt: Date;
  /** The private endpoint that requests of this session come through, where the job has a network with one. */
  vpcEndpointId?: string;
}

/**
 * Every method rejects with Fault: notFound, denied, conflict (the bucket is in another Region than the session),
 * invalid (past a bound, or not text), unavailable (S3 itself failed; worth another try).
 */
export interface CustomerData {
  /** Whole small text (a manifest), a byte order mark kept. */
  readText(session: RoleSession, bucket: string, key: string, maximumSizeBytes: number): Promise<string>;
  /**
   * Streams an object into a file (fsync not needed: run directories are rebuilt after a crash). Past the bound nothing
   * is fetched, and the Fault's member `sizeBytes` tells the size.
   */
  download(
    session: RoleSession,
    bucket: string,
    key: string,
    filePath: string,
    maximumSizeBytes: number,
  ): Promise<{ sizeBytes: number }>;
  write(
    session: RoleSession,
    bucket: string,
    key: string,
    body: string | Uint8Array,
    contentType: string,
  ): Promise<void>;
  /** Writes a file of any size, in parts where it is large. @param encryptionKeyId the KMS key that S3 is asked to use */
  upload(
    session: RoleSession,
    bucket: string,
    key: string,
    filePath: string,
    contentType: string,
    encryptionKeyId?: string,
  ): Promise<void>;
  /** Keys that begin with a prefix, in S3's order, `maximumCount` at most. */
  list(
    session: RoleSession,
    bucket: string,
    prefix: string,
    maximumCount: number,
  ): Promise<{ key: string; sizeBytes: number }[]>;
  delete(session: RoleSession, bucket: string, key: string): Promise<void>;
  /** The Region of a bucket. @param expectedOwner Fault denied when it is another account's */
  bucketRegion(session: RoleSession, bucket: string, expectedOwner?: string): Promise<string>;
}

/** Assuming a service role, as Bedrock does: the trust policy decides, with aws:SourceAccount and aws:SourceArn. */
export interface RoleSessions {
  /** Fault denied when the role is absent or its trust policy does not allow the service. */
  assumeForService(request: {
    roleArn: string;
    servicePrincipal: 'bedrock.amazonaws.com';
    sourceAccountId: string;
    sourceArn: string;
    region: string;
    sessionName: string;
    durationSeconds?: number;
  }): Promise<RoleSession>;
}
