import type { ProtocolName } from '../contract.ts';
import { Refusal } from '../refusal.ts';
import { ALGORITHM } from './key.ts';

/** What can be wrong with a signature. How each is said to the client depends on the protocol. */
export type ProblemKind =
  /** The Authorization header or the signature's query parameters lack a part or are out of form. */
  | 'malformed'
  | 'unsupportedMechanism'
  /** An Authorization header that names no mechanism at all. */
  | 'noMechanism'
  | 'twoMechanisms'
  /** Credential scope: service, Region, date or terminator. */
  | 'scope'
  | 'missingDate'
  | 'badContentSha256'
  | 'clockSkew'
  | 'urlExpired'
  | 'urlNotYetValid'
  | 'unknownKey'
  | 'invalidToken'
  | 'expiredToken'
  | 'unsignedHeaders'
  | 'mismatch';

export class SignatureProblem extends Error {
  readonly kind: ProblemKind;
  readonly members: Record<string, string>;
  /** A presigned URL: S3 answers other codes for it. */
  readonly presigned: boolean;

  constructor(
    kind: ProblemKind,
    message: string,
    options: { members?: Record<string, string>; presigned?: boolean } = {},
  ) {
    super(message);
    this.name = 'SignatureProblem';
    this.kind = kind;
    this.members = options.members ?? {};
    this.presigned = options.presigned ?? false;
  }
}

/** Members that show a text and, for what no eye sees in it, its bytes. */
export function comparable(name: string, text: string): Record<string, string> {
  const bytes = Buffer.from(text, 'utf8').toString('hex');
  return { [name]: text, [`${name}Bytes`]: bytes.replace(/..(?=.)/g, '$& ') };
}

/**
 * A canonical request that may be shown. Who sent it knows all of it, but its answer gets into the sender's logs, where
 * neither a session's token nor a customer's key belongs.
 */
export function withoutSecrets(canonicalRequest: string): string {
  return canonicalRequest
    .replace(/^(x-amz-security-token|x-amz-[a-z-]*server-side-encryption-customer-key):.+$/gm, '$1:***')
    .replace(/((?:^|&)X-Amz-Security-Token=)[^&\n]*/gm, '$1***');
}

/** AWS's code and status of each problem, per protocol. */
type Answers = Readonly<Record<ProblemKind, readonly [status: number, code: string]>>;

// Seen in S3's error list (API reference, "Error responses") and in its answers.
const S3: Answers = {
  malformed: [400, 'AuthorizationHeaderMalformed'],
  unsupportedMechanism: [400, 'InvalidRequest'],
  noMechanism: [400, 'InvalidArgument'],
  twoMechanisms: [400, 'InvalidArgument'],
  scope: [400, 'AuthorizationHeaderMalformed'],
  missingDate: [403, 'AccessDenied'],
  badContentSha256: [400, 'InvalidArgument'],
  clockSkew: [403, 'RequestTimeTooSkewed'],
  urlExpired: [403, 'AccessDenied'],
  urlNotYetValid: [403, 'AccessDenied'],
  unknownKey: [403, 'InvalidAccessKeyId'],
  invalidToken: [400, 'InvalidToken'],
  expiredToken: [400, 'ExpiredToken'],
  unsignedHeaders: [403, 'AccessDenied'],
  mismatch: [403, 'SignatureDoesNotMatch'],
};

const QUERY: Answers = {
  malformed: [400, 'IncompleteSignature'],
  unsupportedMechanism: [400, 'IncompleteSignature'],
  noMechanism: [400, 'IncompleteSignature'],
  twoMechanisms: [400, 'IncompleteSignature'],
  scope: [403, 'SignatureDoesNotMatch'],
  missingDate: [400, 'IncompleteSignature'],
  badContentSha256: [403, 'SignatureDoesNotMatch'],
  clockSkew: [403, 'SignatureDoesNotMatch'],
  urlExpired: [403, 'SignatureDoesNotMatch'],
  urlNotYetValid: [403, 'SignatureDoesNotMatch'],
  unknownKey: [403, 'InvalidClientTokenId'],
  invalidToken: [403, 'InvalidClientTokenId'],
  expiredToken: [403, 'ExpiredToken'],
  unsignedHeaders: [403, 'SignatureDoesNotMatch'],
  mismatch: [403, 'SignatureDoesNotMatch'],
};

const REST_JSON: Answers = {
  malformed: [403, 'IncompleteSignatureException'],
  unsupportedMechanism: [403, 'IncompleteSignatureException'],
  noMechanism: [403, 'IncompleteSignatureException'],
  twoMechanisms: [403, 'IncompleteSignatureException'],
  scope: [403, 'InvalidSignatureException'],
  missingDate: [403, 'IncompleteSignatureException'],
  badContentSha256: [403, 'InvalidSignatureException'],
  clockSkew: [403, 'InvalidSignatureException'],
  urlExpired: [403, 'InvalidSignatureException'],
  urlNotYetValid: [403, 'InvalidSignatureException'],
  unknownKey: [403, 'UnrecognizedClientException'],
  invalidToken: [403, 'UnrecognizedClientException'],
  expiredToken: [403, 'ExpiredTokenException'],
  unsignedHeaders: [403, 'InvalidSignatureException'],
  mismatch: [403, 'InvalidSignatureException'],
};

// JSON 1.1 services answer every client error with 400.
const JSON_1_1 = Object.fromEntries(
  Object.entries(REST_JSON).map(([kind, [, code]]) => [kind, [400, code] as const]),
) as Answers;

const BY_PROTOCOL: Readonly<Record<ProtocolName, Answers>> = {
  'rest-xml': S3,
  query: QUERY,
  'rest-json': REST_JSON,
  'json-1-1': JSON_1_1,
};

/** Says a problem as the AWS service would. */
export function refusalFor(problem: SignatureProblem, protocol: ProtocolName): Refusal {
  let [status, code] = BY_PROTOCOL[protocol][problem.kind];
  let { message } = problem;
  if (protocol === 'rest-xml') {
    if (problem.presigned && code === 'AuthorizationHeaderMalformed') code = 'AuthorizationQueryParametersError';
    else if (code === 'AuthorizationHeaderMalformed') message = `The authorization header is malformed; ${message}`;
    if (problem.kind === 'mismatch') message = S3_MISMATCH;
    if (problem.kind === 'clockSkew')
      message = 'The difference between the request time and the current time is too large.';
    return new Refusal(status, code, message, { kind: 'denied', members: problem.members });
  }
  if (problem.kind === 'mismatch') message = MISMATCH;
  return new Refusal(status, code, message, { kind: 'denied' });
}

/** A request that must be signed and is not. */
export function unsignedRefusal(protocol: ProtocolName): Refusal {
  const message = `The request must be signed with ${ALGORITHM}; it has no signature.`;
  if (protocol === 'rest-xml') return new Refusal(403, 'AccessDenied', 'Access Denied');
  if (protocol === 'query') return new Refusal(403, 'MissingAuthenticationToken', message);
  return new Refusal(protocol === 'json-1-1' ? 400 : 403, 'MissingAuthenticationTokenException', message);
}

const S3_MISMATCH =
  'The request signature we calculated does not match the signature you provided. Check your key and signing method.';
const MISMATCH =
  'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key ' +
  'and signing method. Consult the service documentation for details.';
