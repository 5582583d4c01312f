import type { OperationShape } from '../contract.ts';
import type { HeaderMap } from '../message.ts';

/** Everything of a request that its input is decoded from. */
export interface Encoded {
  /** Decoded path members. */
  labels: Readonly<Record<string, string>>;
  query: URLSearchParams;
  headers: HeaderMap;
  /** A whole body, or the stream of an operation whose payload streams. */
  body: Uint8Array | AsyncIterable<Uint8Array>;
}

export interface Answer {
  status: number;
  headers: Record<string, string>;
  body?: Uint8Array | string | AsyncIterable<Uint8Array> | undefined;
}

/** A fault ready to be written: its code and status are decided. */
export interface WireFault {
  code: string;
  status: number;
  message: string;
  members: Readonly<Record<string, string | number>>;
  requestId: string;
  /** S3's second request id. */
  extendedRequestId: string;
}

export type Input = Record<string, unknown>;

/** Reads and writes one AWS protocol, driven by the SDK's schemas. */
export interface Protocol {
  /** @throws Refusal in the protocol's own words for a body that its schema cannot read; never another error */
  decode(operation: OperationShape, encoded: Encoded): Promise<Input>;
  encode(operation: OperationShape, output: Input, requestId: string): Promise<Answer>;
  encodeFault(fault: WireFault): Answer;
}

/** Nesting that a JSON or XML body may have; the deepest input of the services spoken has 11. */
export const DEPTH_LIMIT = 64;
