import type { AccessRequest, Principal, RequestContext } from './operation.ts';

/** What a request to a route brought along; nothing of it is checked but its form. */
export interface RouteInput {
  /** Decoded path parameters, by the names in braces. */
  params: Readonly<Record<string, string>>;
  query: URLSearchParams;
  /** The JSON body; `{}` where there is none. */
  body: Readonly<Record<string, unknown>>;
}

export interface RouteAnswer {
  /** Default 200. */
  status?: number;
  /** Lower-case names. */
  headers?: Record<string, string>;
  /** Sent as JSON. */
  json?: unknown;
  /** Bytes in the place of `json` (an export, server-sent events); name their content-type in `headers`. */
  stream?: AsyncIterable<Uint8Array>;
  /** Of a route that signs somebody in: who it turned out to be. */
  signedIn?: Principal;
}

/** One of the product's own routes, for what AWS has no operation for. Answered under `/_likeness/v1`. */
export interface Route {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Below `/_likeness/v1`: `/jobs/{jobId}/events`. A parameter is one segment. */
  path: string;
  /** `GetUsage` is authorised as `likeness:GetUsage`; null: unsigned, for everyone. */
  action: string | null;
  /** Of an unsigned route by which somebody signs in: what the audit trail calls it. */
  signIn?: 'ConsoleLogin' | 'RefreshConsoleLogin' | 'ConsoleLogout';
  /** Members of the body that the audit trail may show; it shows no other. */
  shownMembers?: readonly string[];
  /** Of its JSON body; absent: 1 MiB. */
  maximumBodyBytes?: number;
  /** The resources to ask for; absent: `arn:aws:likeness:REGION:ACCOUNT:*`. */
  authorize?(input: RouteInput, ctx: RequestContext): readonly AccessRequest[] | Promise<readonly AccessRequest[]>;
  /** @throws Fault, answered as `{"__type", "message"}` with the status of its kind */
  handle(input: RouteInput, ctx: RequestContext): Promise<RouteAnswer>;
}
