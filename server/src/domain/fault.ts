/** What went wrong, in the product's own words; each service maps a kind to the error that AWS models for it. */
export type FaultKind =
  | 'invalid'
  | 'notFound'
  | 'denied'
  | 'conflict'
  | 'quota'
  | 'throttled'
  | 'notReady'
  | 'modelError'
  | 'modelTimeout'
  | 'unavailable'
  | 'unsupported'
  | 'internal';

export interface FaultOptions {
  /** The thing the fault is about, as the service names it ("bucket", "key", an ARN). */
  resource?: string;
  /** The AWS error code where one kind has several (NoSuchKey, NoSuchUpload). The kind decides when absent. */
  code?: string;
  /** Further members of the modelled error (`originalStatusCode`), or of S3's XML (`BucketName`). */
  members?: Record<string, string | number>;
  /** Headers that the answer must carry, lower-case names (`x-amz-bucket-region`, the `etag` of a 304). */
  headers?: Record<string, string>;
  cause?: unknown;
}

/** The one error type that reaches a client. Anything else is logged with the request id and sent as internal. */
export class Fault extends Error {
  readonly kind: FaultKind;
  readonly resource: string | undefined;
  readonly code: string | undefined;
  readonly members: Record<string, string | number>;
  readonly headers: Record<string, string>;

  constructor(kind: FaultKind, message: string, options: FaultOptions = {}) {
    super(message, { cause: options.cause });
    this.name = 'Fault';
    this.kind = kind;
    this.resource = options.resource;
    this.code = options.code;
    this.members = options.members ?? {};
    this.headers = options.headers ?? {};
  }
}
