import type { AccessRequest, Principal } from './operation.ts';

/** A call and what its answer took. */
export interface Exchanged {
  call: Call;
  /** HTTP's. */
  status: number;
  /** Until the answer was handed over whole. */
  seconds: number;
  /** Of the bodies. */
  receivedBytes: number;
  sentBytes: number;
}

/** What a request was and how it ended, for the audit trail. No secret, no body, no caption and no prompt is in it. */
export interface Call {
  requestId: string;
  at: Date;
  /** SigV4 scope name (`s3`, `bedrock`); `signin` for signing in to the console. */
  service: string;
  /** AWS's name; undefined where the request names nothing that there is. */
  operation: string | undefined;
  /** Undefined where who called could not be told. */
  principal: Principal | undefined;
  /** The key that the request says it was signed with, whether or not it was. */
  accessKeyId: string | undefined;
  /** Whether a Bedrock API key came in the place of a signature. */
  bearer: boolean;
  region: string;
  sourceIp: string;
  sourceVpce: string | undefined;
  userAgent: string;
  /** What the caller had to be allowed. */
  questions: readonly AccessRequest[];
  requestParameters: Record<string, unknown> | null;
  responseElements: Record<string, unknown> | null;
  error: { code: string; message: string } | undefined;
}
