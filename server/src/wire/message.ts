import type { Call } from '../domain/call.ts';
import { Refusal } from './refusal.ts';

/** A request as it stood on the connection; nothing is decoded or normalised, because the signature covers these bytes. */
export interface WireRequest {
  requestId: string;
  method: string;
  /** Path and query as sent. */
  target: string;
  /** In the order sent, lower-case names, untrimmed repeats kept apart; `:authority` of HTTP/2 also stands as `host`. */
  headers: ReadonlyArray<readonly [name: string, value: string]>;
  /** Pulling the first chunk answers `Expect: 100-continue`, so nothing asks for it before permission is given. */
  body: AsyncIterable<Uint8Array>;
  sourceIp: string;
  secureTransport: boolean;
  /** `1.2`, `1.3`: of a connection with TLS. */
  tlsVersion?: string;
  /** Id of the private endpoint that it came through, where it came through one. */
  sourceVpce?: string;
  /** Aborted when the client goes away or the server stops. */
  signal: AbortSignal;
  /**
   * From here on the answer may take long. Where it does, it begins with status 200 and what this gives, and white space
   * follows until the answer proper: of that, status and headers are recorded only, and its body goes on behind the text.
   */
  takesLong?(beginning: () => Promise<AnswerBeginning>): void;
}

/** What may be said of an answer before its work is done. */
export interface AnswerBeginning {
  headers: Record<string, string>;
  /** What every body that may follow begins with, and what white space may stand behind. */
  text: string;
}

export interface WireResponse {
  status: number;
  headers: Record<string, string>;
  body?: Uint8Array | string | AsyncIterable<Uint8Array> | undefined;
  /** What one line of the log says about the request. */
  record: RequestRecord;
}

export interface RequestRecord {
  service?: string;
  operation?: string;
  /** ARN of the caller. */
  principal?: string;
  /** Code of the error answered. */
  code?: string;
  /** An error nobody expected: logged with its stack, and sent as internal without it. */
  error?: unknown;
  /** For the audit trail; absent where nothing is to be recorded (a browser's preflight, the health of the service). */
  call?: Call;
}

/** A body stopped coming. */
export class BodyStalled extends Refusal {
  constructor(idleMilliseconds: number) {
    const seconds = idleMilliseconds / 1000;
    super(400, 'RequestTimeout', `Your socket connection to the server was not written to within ${seconds} seconds.`);
  }
}

/** The client went away in the middle of its body; nobody is left to read this. */
export class BodyCut extends Refusal {
  constructor(cause: unknown) {
    super(400, 'IncompleteBody', 'The connection ended in the middle of the body.', { cause });
  }
}

/** Lower-case name -> value; repeated headers joined as HTTP says. */
export type HeaderMap = Record<string, string | undefined>;

export function headerMap(headers: WireRequest['headers']): HeaderMap {
  const map: HeaderMap = Object.create(null);
  for (const [name, value] of headers) {
    const trimmed = value.trim();
    map[name] = map[name] === undefined ? trimmed : `${map[name]}, ${trimmed}`;
  }
  return map;
}

/** Path and raw query of a request target. */
export function splitTarget(target: string): { path: string; rawQuery: string } {
  const mark = target.indexOf('?');
  return mark < 0 ? { path: target, rawQuery: '' } : { path: target.slice(0, mark), rawQuery: target.slice(mark + 1) };
}

/**
 * Reads a body of a bounded size.
 * @throws Refusal past the limit; the rest stays unread
 */
export async function collect(body: AsyncIterable<Uint8Array>, limitBytes: number, isS3 = false): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of body) {
    sizeBytes += chunk.byteLength;
    if (sizeBytes > limitBytes)
      throw new Refusal(
        isS3 ? 400 : 413,
        isS3 ? 'MaxMessageLengthExceeded' : 'RequestEntityTooLargeException',
        `The body of this request may have at most ${limitBytes} bytes.`,
      );
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
