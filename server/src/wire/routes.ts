import { createHash } from 'node:crypto';
import { Fault, type FaultKind } from '../domain/fault.ts';
import type { Principal } from '../domain/operation.ts';
import type { Route, RouteAnswer, RouteInput } from '../domain/route.ts';
import { illFormedPath, MUST_BE_WELL_FORMED } from '../domain/well-formed.ts';
import { type CallNotes, callOf } from './call.ts';
import type { DispatchOptions } from './dispatch.ts';
import { keyUseNote } from './key-use.ts';
import { collect, headerMap, type RequestRecord, splitTarget, type WireRequest, type WireResponse } from './message.ts';
import { Refusal } from './refusal.ts';
import { requestContext } from './request-context.ts';
import { normalizedPath, queryPairs } from './sigv4/canonical.ts';
import { readClaim } from './sigv4/claim.ts';
import { refusalFor, SignatureProblem, unsignedRefusal } from './sigv4/problem.ts';
import { type Authenticated, verify } from './sigv4/verify.ts';

/** No bucket name can begin with `_`. */
export const ROUTE_PREFIX = '/_likeness/v1';
/** Service in the scope of a route's signature, and prefix of its actions. */
const SCOPE = 'likeness';
const BODY_LIMIT_BYTES = 1024 * 1024;

export type RouteOptions = Pick<
  DispatchOptions,
  'resolveCredential' | 'admit' | 'authorizer' | 'now' | 'defaultRegion' | 'allowSignatureV2'
> & { routes: readonly Route[] };

/** Code and status of each kind of fault; the codes are those of AWS's REST-JSON services. */
const ANSWERS: Readonly<Record<FaultKind, readonly [status: number, code: string]>> = {
  invalid: [400, 'ValidationException'],
  notFound: [404, 'ResourceNotFoundException'],
  denied: [403, 'AccessDeniedException'],
  conflict: [409, 'ConflictException'],
  quota: [400, 'ServiceQuotaExceededException'],
  throttled: [429, 'ThrottlingException'],
  notReady: [429, 'ModelNotReadyException'],
  modelError: [424, 'ModelErrorException'],
  modelTimeout: [408, 'ModelTimeoutException'],
  unavailable: [503, 'ServiceUnavailableException'],
  unsupported: [400, 'UnsupportedOperationException'],
  internal: [500, 'InternalServerException'],
};

const ANONYMOUS: Principal = { type: 'anonymous', arn: '*', accountId: '', userId: 'ANONYMOUS_PRINCIPAL' };

interface Compiled {
  route: Route;
  pattern: RegExp;
  names: string[];
}

/**
 * Answers the product's own routes with the rules of an AWS service: signed with SigV4 as service `likeness` (the same
 * keys, sessions and clock), authorised as `likeness:` actions, JSON in and out. Who is not allowed learns nothing of
 * what the route would have said.
 */
export function createRouteDispatcher(options: RouteOptions): (request: WireRequest) => Promise<WireResponse> {
  const compiled = options.routes.map(compile);
  const noteUse = keyUseNote(options);

  async function serve(request: WireRequest, record: RequestRecord, asked: Asked): Promise<WireResponse> {
    const { path, rawQuery } = splitTarget(request.target);
    const headers = headerMap(request.headers);
    const found = find(compiled, request.method, normalizedPath(path));
    // The table of routes is public; who may use one is not.
    if (!('route' in found)) throw found.refusal;
    const { route, params } = found;
    let body: Promise<Buffer> | undefined;
    const wholeBody = () => {
      body ??= collect(request.body, route.maximumBodyBytes ?? BODY_LIMIT_BYTES);
      return body;
    };
    asked.route = route;
    const caller: Pick<Authenticated, 'principal' | 'region' | 'presigned'> =
      route.action === null
        ? { principal: ANONYMOUS, region: options.defaultRegion, presigned: false }
        : await authenticate(request, headers, path, rawQuery, wholeBody, asked.notes);
    if (route.action !== null) asked.notes.caller = caller;
    record.principal = caller.principal.arn;
    record.operation = route.action ?? route.path;
    // Who watches the process, or signs in (which has a limit of its own), is no account's caller.
    if (route.action !== null) options.admit(caller.principal, SCOPE);
    delete headers.authorization;
    delete headers['x-amz-security-token'];
    const query = new URLSearchParams(queryPairs(rawQuery).map(({ name, value }): [string, string] => [name, value]));
    const operation = route.action ?? '';
    const ctx = requestContext(request, headers, { service: SCOPE, operation, now: options.now() }, caller);
    const input: RouteInput = { params, query, body: jsonBody(await wholeBody()) };
    asked.input = input;
    if (route.action !== null) {
      const all = [{ resource: `arn:aws:likeness:${ctx.region}:${ctx.accountId}:*` }];
      asked.notes.questions = (await route.authorize?.(input, ctx)) ?? all;
      await options.authorizer(asked.notes.questions, ctx);
    }
    const answer = await route.handle(input, ctx);
    if (answer.signedIn) asked.notes.caller = { principal: answer.signedIn, region: ctx.region };
    return encode(answer, record);
  }

  async function authenticate(
    request: WireRequest,
    headers: ReturnType<typeof headerMap>,
    path: string,
    rawQuery: string,
    wholeBody: () => Promise<Buffer>,
    notes: CallNotes,
  ): Promise<Authenticated> {
    const pairs = queryPairs(rawQuery);
    const claim = readClaim(headers, pairs);
    notes.accessKeyId = claim?.accessKeyId;
    if (claim === undefined) throw unsignedRefusal('rest-json');
    if (claim.form === 'query-v2' || claim.scope.service !== SCOPE)
      throw new SignatureProblem('scope', `Credential should be scoped to correct service: '${SCOPE}'.`);
    const caller = await verify(request, headers, path, pairs, claim, {
      resolveCredential: options.resolveCredential,
      now: options.now(),
      defaultRegion: options.defaultRegion,
      allowSignatureV2: false,
      isS3: false,
      bodySha256: async () =>
        createHash('sha256')
          .update(await wholeBody())
          .digest('hex'),
    });
    noteUse(claim, { service: SCOPE, region: caller.region });
    return caller;
  }

  return async request => {
    const record: RequestRecord = { service: SCOPE };
    const asked: Asked = { notes: {} };
    const at = options.now();
    const answer = await serve(request, record, asked).catch((error: unknown) =>
      encodeError(error, request, record, asked.notes),
    );
    const call = callOfRoute(request, asked, { region: options.defaultRegion, at });
    if (call) record.call = call;
    answer.headers['x-amzn-requestid'] = request.requestId;
    return answer;
  };
}

/** What a request turned out to ask for. */
interface Asked {
  route?: Route;
  input?: RouteInput;
  notes: CallNotes;
}

/** Everything but what anyone may ask for, such as the health of the service. */
function callOfRoute(
  request: WireRequest,
  { route, input, notes }: Asked,
  { region, at }: { region: string; at: Date },
) {
  if (route?.action === null && route.signIn === undefined) return undefined;
  const service = route?.signIn === undefined ? SCOPE : 'signin';
  const operation = route?.signIn ?? route?.action ?? undefined;
  const call = callOf(request, headerMap(request.headers), notes, { service, operation, region, at });
  return { ...call, requestParameters: input === undefined ? null : shownOf(input, route?.shownMembers ?? []) };
}

function shownOf({ params, query, body }: RouteInput, members: readonly string[]): Record<string, unknown> | null {
  const ofBody = Object.entries(body).filter(([name]) => members.includes(name));
  // A presigned request has its signature and its session token there.
  const ofQuery = [...query].filter(([name]) => !/^x-amz-/i.test(name));
  const all = { ...params, ...Object.fromEntries(ofQuery), ...Object.fromEntries(ofBody) };
  return Object.keys(all).length === 0 ? null : all;
}

function compile(route: Route): Compiled {
  const names: string[] = [];
  const source = `${ROUTE_PREFIX}${route.path}`
    .replace(/[.*+?^$()|[\]\\]/g, '\\$&')
    .replace(/\{(\w+)\}/g, (_, name) => {
      names.push(name);
      return '([^/]+)';
    });
  return { route, pattern: new RegExp(`^${source}$`), names };
}

function find(
  compiled: readonly Compiled[],
  method: string,
  path: string,
): { route: Route; params: Record<string, string> } | { refusal: Refusal } {
  // HEAD is GET without its body; HTTP leaves that out.
  const wanted = method === 'HEAD' ? 'GET' : method;
  const allowed = new Set<string>();
  for (const { route, pattern, names } of compiled) {
    const match = pattern.exec(path);
    if (match === null) continue;
    allowed.add(route.method);
    if (route.method !== wanted) continue;
    const values = match.slice(1).map(decoded);
    return { route, params: Object.fromEntries(names.map((name, index) => [name, values[index] ?? ''])) };
  }
  if (allowed.size === 0)
    return {
      refusal: new Refusal(404, 'UnknownOperationException', 'Nothing is served on this path.', {
        kind: 'unsupported',
      }),
    };
  const allow = [...allowed].sort().join(', ');
  const message = `This path takes ${allow}; you sent ${method}.`;
  return { refusal: new Refusal(405, 'MethodNotAllowedException', message, { headers: { allow } }) };
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new Fault('invalid', 'The path holds a percent sign that begins no escape of UTF-8.');
  }
}

function jsonBody(bytes: Buffer): Record<string, unknown> {
  if (bytes.length === 0) return {};
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw new Refusal(400, 'SerializationException', 'The body is no JSON in UTF-8.');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Refusal(400, 'SerializationException', 'The body must be a JSON object.');
  const illFormed = illFormedPath(value);
  if (illFormed) throw new Fault('invalid', `${illFormed.join('.')} ${MUST_BE_WELL_FORMED}.`);
  return value as Record<string, unknown>;
}

function encode(answer: RouteAnswer, record: RequestRecord): WireResponse {
  const { status = 200, headers = {}, json, stream } = answer;
  const common = { 'cache-control': 'no-store', ...headers };
  if (stream !== undefined) return { status, headers: common, body: stream, record };
  return {
    status,
    headers: { 'content-type': 'application/json', ...common },
    body: JSON.stringify(json ?? {}),
    record,
  };
}

function encodeError(thrown: unknown, request: WireRequest, record: RequestRecord, notes: CallNotes): WireResponse {
  const error = thrown instanceof SignatureProblem ? refusalFor(thrown, 'rest-json') : thrown;
  const isFault = error instanceof Fault;
  const [status, code] =
    error instanceof Refusal ? [error.status, error.code] : ANSWERS[isFault ? error.kind : 'internal'];
  if (!isFault || error.kind === 'internal') record.error = error;
  const type = isFault ? (error.code ?? code) : code;
  const message = isFault
    ? error.message
    : `We encountered an internal error. Please try again; the server's log has it as request ${request.requestId}.`;
  record.code = type;
  notes.error = { code: type, message };
  return {
    status,
    headers: {
      'content-type': 'application/json',
      'cache-control': 'no-store',
      'x-amzn-errortype': type,
      ...(isFault ? error.headers : {}),
    },
    body: JSON.stringify({ __type: type, message, ...(isFault ? error.members : {}) }),
    record,
  };
}
