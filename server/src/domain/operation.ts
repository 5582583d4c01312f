/**
 * What an AWS operation is to this server. Types only: wire dispatches to them, services implement them, and neither
 * imports the other.
 */

/** Who calls: an IAM user, the account's root, an assumed role, a service principal, or nobody (unsigned). */
export interface Principal {
  type: 'root' | 'user' | 'assumedRole' | 'federatedUser' | 'service' | 'anonymous';
  /** `arn:aws:iam::123456789012:user/x`, `arn:aws:sts::…:assumed-role/role/session`; '*' for anonymous. */
  arn: string;
  accountId: string;
  /** `aws:userid`: AIDA…, AROA…:session, the account id for root, account:name for a federated user. */
  userId: string;
  /** `aws:username` where there is one. */
  userName?: string;
  /** For an assumed role: the role's own ARN (policies attach to it). */
  roleArn?: string;
  /** For a federated user: the user who asked for the session, and whose policies bound it; null for the root user. */
  issuer?: { id: string; arn: string } | null;
  /** Together they bound a session; an empty list, which a federated user may have, allows nothing. */
  sessionPolicies?: string[];
  /** Of temporary credentials: `aws:TokenIssueTime`. */
  tokenIssuedAt?: Date;
  /** `aws:SourceIdentity`, where AssumeRole was given one; it stays through chained roles. */
  sourceIdentity?: string;
  /** The access key that signed; undefined for anonymous. The audit trail has it; the log never has it whole. */
  accessKeyId?: string;
  tags?: Record<string, string>;
  /** Those of a session's tags that pass on to the sessions it makes: no role's own and no new tag replaces them. */
  transitiveTags?: Record<string, string>;
}

/**
 * Passes a request that is within its account's rate; wire asks right after the signature.
 * @param service as RequestContext names it, but for the runtime of Bedrock: `bedrock-runtime`
 * @throws Fault throttled
 */
export type AdmitRequest = (caller: Pick<Principal, 'accountId' | 'accessKeyId'>, service: string) => void;

export interface RequestContext {
  requestId: string;
  /** SigV4 scope names: `bedrock` (control and runtime), `s3`, `iam`, `sts`, `kms`. */
  service: string;
  operation: string;
  /** The region of the signature's scope. Resources of one Region are invisible in another. */
  region: string;
  /** False where the request names none (unsigned, Signature Version 2): `region` is the server's own then. */
  regionNamed?: false;
  principal: Principal;
  /** The principal's account; '' for anonymous. */
  accountId: string;
  now: Date;
  sourceIp: string;
  /** Id of the interface endpoint that the request came through (`aws:SourceVpce`), where it came through one. */
  sourceVpce?: string;
  secureTransport: boolean;
  /** `1.2`, `1.3`: of a connection with TLS. */
  tlsVersion?: string;
  userAgent: string;
  /** True for a presigned URL. */
  presigned: boolean;
  /** When the request was signed, as Signature Version 4 says. */
  signedAt?: Date;
  /** Host header as sent, for URLs in answers. */
  host: string;
  /** Raw headers, lower-case names, for the few things no schema carries (x-amz-decoded-content-length, expect). */
  headers: Readonly<Record<string, string | undefined>>;
  /** Aborted when the client goes away or the server stops. */
  signal: AbortSignal;
  /**
   * Called where an operation has checked what it can and its work may take long. Its client is kept waiting with an answer
   * that has begun, where the protocol has a way: a fault is told in the body of a 200 then, and so not called lightly.
   * @param known gives the members of the output that can be told by then; called only where it takes long
   */
  takesLong?(known: () => object | Promise<object>): void;
}

/** One question to the policy engine. An operation passes when every one of its questions is allowed. */
export interface AccessRequest {
  /** `s3:GetObject`; default: the service and the operation's own name. */
  action?: string;
  /** `*` where the action knows no resource. */
  resource: string;
  /** Condition keys beside the global ones: `s3:prefix`, `iam:PassedToService`, `kms:ViaService`, … */
  conditions?: Record<string, string | string[] | number | boolean | undefined>;
  /** The owner of the resource; default the caller's account. A foreign one needs a resource policy as well. */
  resourceAccountId?: string;
  /** JSON of the resource's own policy, if it has one (bucket, key). */
  resourcePolicy?: string;
  /** KMS: identity policies count only where the key policy delegates to the account. */
  resourcePolicyMustAllow?: boolean;
  /** Headers of the answer to who is not allowed, lower-case names. */
  refusalHeaders?: Record<string, string>;
}

/**
 * @typeParam Input the SDK's own input type of the operation
 * @typeParam Output the SDK's own output type, without `$metadata`
 */
export interface Operation<Input, Output> {
  /** The ARNs (and their conditions) that the caller must be allowed. An empty list means: any signed caller. */
  authorize(input: Input, ctx: RequestContext): readonly AccessRequest[] | Promise<readonly AccessRequest[]>;
  /**
   * The output's `$metadata.httpStatusCode`, if there, is the status instead of the operation's usual one;
   * `$metadata.httpHeaders` (lower-case names) go out beside those of the SDK's schema, and `$metadata.elementOrder` names
   * the elements of several lists of an XML document in the one order that they are written in.
   */
  handle(input: Input, ctx: RequestContext): Promise<Output>;
}

/** How a service answers a fault: the code (HTTP status and body come from the SDK's schema where it models one). */
export interface ServiceFault {
  code: string;
  /** HTTP status where the code is not modelled in the SDK's schemas. */
  status: number;
}

/** What a request asks for, where the paths of a service are too ambiguous to follow from the SDK's schemas (S3). */
export type DetectedOperation =
  /** `labels`: decoded path members by their name in the input (`Bucket`, `Key`). */
  | { operation: string; labels: Readonly<Record<string, string>> }
  /** An operation that AWS knows and this server does not: its AWS name, for the refusal. */
  | { unsupported: string };

/** What a browser's form uploads (S3's POST Object, which no schema models). */
export interface FormUpload {
  bucket: string;
  /** Those before the file; lower-case names. */
  fields: ReadonlyMap<string, string>;
  file: { name: string; content: AsyncIterable<Uint8Array> } | undefined;
  /** The input of an operation whose body a field holds. @throws Refusal for what its schema cannot read */
  inputOf(operation: string, body: string): Promise<Record<string, unknown>>;
}

export interface FormAnswer {
  status: number;
  headers: Record<string, string>;
  /** The body: an element with one element a member. */
  document?: { name: string; members: Record<string, string> };
}

/** The answers to a browser on behalf of a page of another origin. `path`: as `addressed` gives it. */
export interface CrossOrigin {
  /** The headers of an answer to OPTIONS. @throws Fault where it is not allowed */
  preflight(path: string, headers: Readonly<Record<string, string | undefined>>): Promise<Record<string, string>>;
  /** Further headers of the answer to any other method, errors included. */
  answerHeaders(
    path: string,
    method: string,
    headers: Readonly<Record<string, string | undefined>>,
  ): Promise<Record<string, string>>;
}

/** A service as main.ts hands it to wire. */
export interface ServiceModule {
  /** SigV4 scope name(s). */
  scope: string;
  /** Another scope, which SDKs sign operations for of which none is built: those that `nameOf` knows are refused by name. */
  absent?: { scope: string; nameOf(method: string, path: string, query: URLSearchParams): string | undefined };
  /** Operation name -> operation; everything else that the SDK models is refused by name as not implemented. */
  operations: Readonly<Record<string, Operation<never, unknown>>>;
  /**
   * @param code the fault's own code where it has one: one kind covers codes of several statuses (S3's 304, 405, 409,
   * 411, 412 and 416)
   */
  faultFor(kind: import('./fault.ts').FaultKind, resource: string | undefined, code?: string): ServiceFault;
  /** Where a host name stands for a part of the path (S3's buckets): host and path as without. Absent: as sent. */
  addressed?(host: string, path: string): { host: string; path: string };
  /** What browsers ask of pages of other origins. Absent: nothing is allowed. */
  crossOrigin?: CrossOrigin;
  /** The Region of what a path names, where it has one: a bucket's. @param path as `addressed` gives it */
  regionOf?(path: string): Promise<string | undefined>;
  /** Takes the forms of browsers. The context's headers are the form's fields, beside the request's own. */
  formUpload?: {
    authorize(form: FormUpload, ctx: RequestContext): Promise<readonly AccessRequest[]>;
    handle(form: FormUpload, ctx: RequestContext): Promise<FormAnswer>;
  };
  /**
   * Finds the operation where method and path alone cannot (S3). Absent: wire routes by the SDK's schemas. Runs before
   * the signature is checked, so it looks at the request only; what it throws as Fault is answered as such.
   * @param method `GET`, `PUT`, …
   * @param path as sent: percent-encoded, no query
   * @param query decoded
   * @param headers lower-case names
   */
  detect?(
    method: string,
    path: string,
    query: URLSearchParams,
    headers: Readonly<Record<string, string | undefined>>,
  ): DetectedOperation;
}
