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
}

export interface CustomerData {
  /** Size, ETag; Fault notFound or denied. */
  head(session: RoleSession, bucket: string, key: string): Promise<{ sizeBytes: number }>;
  /** Whole small text (a manifest). Fault invalid past the bound. */
  readText(session: RoleSession, bucket: string, key: string, maximumSizeBytes: number): Promise<string>;
  /** Streams an object into a file (fsync not needed: run directories are rebuilt after a crash). */
  download(session: RoleSession, bucket: string, key: string, filePath: string): Promise<{ sizeBytes: number }>;
  write(
    session: RoleSession,
    bucket: string,
    key: string,
    body: string | Uint8Array,
    contentType: string,
  ): Promise<void>;
  /** The Region of a bucket; Fault notFound or denied. */
  bucketRegion(session: RoleSession, bucket: string): Promise<string>;
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
