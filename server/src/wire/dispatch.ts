import { createHash } from 'node:crypto';
import { Fault } from '../domain/fault.ts';
import type {
  AccessRequest,
  AdmitRequest,
  CrossOrigin,
  Operation,
  Principal,
  RequestContext,
  ServiceModule,
} from '../domain/operation.ts';
import { checkDigests, contentHeaders, type StartChecksum, verifiedBody } from './body.ts';
import { documentHeaders } from './browser-documents.ts';
import { type CallNotes, callOf } from './call.ts';
import type { OperationShape, ProtocolName, ServiceName } from './contract.ts';
import { encodeFailure, extendedRequestId } from './failure.ts';
import { answerForm, isFormUpload } from './form-upload.ts';
import { keyUseNote } from './key-use.ts';
import {
  type AnswerBeginning,
  collect,
  headerMap,
  type RequestRecord,
  splitTarget,
  type WireRequest,
  type WireResponse,
} from './message.ts';
import { boundHeaders, streamsIn } from './protocols/http-bindings.ts';
import type { Input } from './protocols/protocol.ts';
import { XML_DECLARATION } from './protocols/xml.ts';
import { createService, type Found, findAction, findOperation, notImplemented, type Service } from './registry.ts';
import { requestContext } from './request-context.ts';
import { bearerQuestion, bearerToken, type ResolveApiKey, verifyBearer } from './sigv4/bearer.ts';
import { normalizedPath, queryPairs } from './sigv4/canonical.ts';
import { type Claim, type ClaimV2, readClaim } from './sigv4/claim.ts';
import { movedHeaders } from './sigv4/moved-headers.ts';
import { SignatureProblem, unsignedRefusal } from './sigv4/problem.ts';
import { checkRegionOfS3 } from './sigv4/region.ts';
import { type Authenticated, type ResolveCredential, unsignedPayload, verify } from './sigv4/verify.ts';
import { hasRoute, likelyProtocol, preflightServices, routedService } from './unsigned.ts';
import type { Validate } from './validate.ts';

export interface DispatchOptions {
  services: Readonly<Partial<Record<ServiceName, ServiceModule>>>;
  resolveCredential: ResolveCredential;
  /** Passes when every question is allowed. @throws Fault denied */
  authorizer(requests: readonly AccessRequest[], ctx: RequestContext, input?: object): Promise<void>;
  resolveApiKey: ResolveApiKey;
  /** What an account may ask for in a second. @throws Fault throttled */
  admit: AdmitRequest;
  validate: Validate;
  startChecksum: StartChecksum;
  now(): Date;
  /** Region of requests that name none: unsigned ones, and Signature Version 2. */
  defaultRegion: string;
  allowSignatureV2: boolean;
}

const ANONYMOUS: Principal = { type: 'anonymous', arn: '*', accountId: '', userId: 'ANONYMOUS_PRINCIPAL' };

/**
 * Answers AWS requests: scope -> service -> operation -> authenticate -> decode -> authorize -> validate -> handle ->
 * encode. The order is the promise: who is not authenticated learns nothing but that, and who is not allowed learns
 * nothing of what the operation would have said.
 */
export function createDispatcher(options: DispatchOptions): (request: WireRequest) => Promise<WireResponse> {
  const services = Object.entries(options.services).map(([name, module]) => createService(name as ServiceName, module));
  const dispatcher = new Dispatcher(options, services);
  return request => dispatcher.answer(request);
}

/** One request on its way through. */
interface Passage {
  request: WireRequest;
  headers: ReturnType<typeof headerMap>;
  /** Once the service is known, the bucket of a host name stands in it, as if it had been addressed by path. */
  path: string;
  /** As sent. */
  signedPath: string;
  host: string;
  pairs: ReturnType<typeof queryPairs>;
  query: URLSearchParams;
  service: Service | undefined;
  /** How errors are said before a service is known. */
  protocol: ProtocolName;
  record: RequestRecord;
  notes: CallNotes;
  /** Nobody signed it, and no policy has allowed it to everybody so far. */
  isStranger: boolean;
}

class Dispatcher {
  readonly #options: DispatchOptions;
  readonly #services: readonly Service[];
  readonly #noteUse: ReturnType<typeof keyUseNote>;

  constructor(options: DispatchOptions, services: readonly Service[]) {
    this.#options = options;
    this.#services = services;
    this.#noteUse = keyUseNote(options);
  }

  async answer(request: WireRequest): Promise<WireResponse> {
    const { path, rawQuery } = splitTarget(request.target);
    const pairs = queryPairs(rawQuery);
    const headers = headerMap(request.headers);
    const query = new URLSearchParams(pairs.map(({ name, value }): [string, string] => [name, value]));
    const passage: Passage = {
      ...{ request, headers, path, signedPath: path, host: headers.host ?? '', pairs, query },
      service: undefined,
      protocol: likelyProtocol({ headers, method: request.method, path, query }, this.#services),
      record: {},
      notes: {},
      isStranger: false,
    };
    const at = this.#options.now();
    let response: WireResponse;
    try {
      response = await this.#serve(passage);
    } catch (error) {
      response = encodeFailure(this.#refusal(error, passage), passage);
    }
    if (request.method !== 'OPTIONS') {
      const service = passage.service?.contract.scope ?? 'unknown';
      const { operation } = passage.record;
      const asked = { service, operation, region: this.#options.defaultRegion, at };
      passage.record.call = callOf(request, headers, passage.notes, asked);
    }
    await this.#addHeaders(response.headers, passage);
    return response;
  }

  /** Those that every answer has, beside what its operation says. */
  async #addHeaders(answer: Record<string, string>, passage: Passage): Promise<void> {
    const { request, headers } = passage;
    const crossOrigin = this.#crossOrigin(passage);
    if (crossOrigin && headers.origin !== undefined && request.method !== 'OPTIONS')
      Object.assign(answer, await crossOrigin.answerHeaders(passage.path, request.method, headers));
    if (passage.protocol === 'rest-xml') {
      answer['x-amz-request-id'] = request.requestId;
      answer['x-amz-id-2'] = extendedRequestId(request.requestId);
      Object.assign(answer, documentHeaders(answer['content-type']));
    } else answer['x-amzn-requestid'] = request.requestId;
  }

  /** Lets an operation that takes long keep its client: XML alone may have white space in front of its document. */
  #patience(passage: Passage, service: Service, operation: OperationShape): Pick<RequestContext, 'takesLong'> {
    const { request } = passage;
    if (passage.protocol !== 'rest-xml') return {};
    const begin = async (known: object): Promise<AnswerBeginning> => {
      const { headers } = await service.protocol.encode(operation, known as Input, request.requestId);
      headers['content-type'] = 'application/xml';
      await this.#addHeaders(headers, passage);
      return { headers, text: XML_DECLARATION.trimEnd() };
    };
    return { takesLong: known => request.takesLong?.(async () => begin(await known())) };
  }

  /** A browser's question before a request of another origin's page, which it signs nothing of. */
  async #preflight(passage: Passage): Promise<WireResponse | undefined> {
    if (passage.request.method !== 'OPTIONS') return undefined;
    const services = preflightServices({ ...passage, method: passage.request.method }, this.#services);
    for (const [index, service] of services.entries()) {
      this.#serviceIs(passage, service);
      try {
        const headers = await service.module.crossOrigin?.preflight(passage.path, passage.headers);
        return { status: 200, headers: headers ?? {}, record: passage.record };
      } catch (error) {
        if (index === services.length - 1 || !(error instanceof Fault)) throw error;
      }
    }
    return undefined;
  }

  /** Before its service is known, an error may be read by a page where every service of its protocol lets it. */
  #crossOrigin({ service, protocol }: Passage): CrossOrigin | undefined {
    if (service) return service.module.crossOrigin;
    if (protocol !== 'rest-json' && protocol !== 'json-1-1') return undefined;
    return this.#services.find(({ contract }) => contract.protocol === protocol)?.module.crossOrigin;
  }

  /**
   * What S3 does not give to everybody, and Bedrock has a path for, is a call to Bedrock that nobody signed. It is said
   * of every such path, so that it tells nothing of buckets.
   */
  #refusal(error: unknown, passage: Passage): unknown {
    if (!passage.isStranger || !(error instanceof Fault) || error.kind === 'internal') return error;
    const { method } = passage.request;
    const service = routedService({ ...passage, path: passage.signedPath, method }, this.#services);
    if (!service) return error;
    this.#serviceIs(passage, service);
    passage.notes = {};
    delete passage.record.operation;
    return unsignedRefusal(passage.protocol);
  }

  async #form(passage: Passage): Promise<WireResponse | undefined> {
    const service = this.#services.find(({ module }) => module.formUpload !== undefined);
    const upload = service?.module.formUpload;
    if (!isFormUpload(passage.request.method, passage.headers) || !service || !upload) return undefined;
    this.#serviceIs(passage, service);
    // An object or the service itself takes no form: what is asked for is said below.
    if (!/^\/[^/]+\/?$/.test(passage.path)) return undefined;
    return answerForm(service, upload, passage, ANONYMOUS, this.#options);
  }

  #serviceIs(passage: Passage, service: Service): void {
    passage.service = service;
    passage.protocol = service.contract.protocol;
    passage.record.service = service.name;
    const { host = '' } = passage.headers;
    const addressed = service.module.addressed?.(host, passage.signedPath) ?? { host, path: passage.signedPath };
    passage.path = addressed.path;
    passage.host = addressed.host;
  }

  async #serve(passage: Passage): Promise<WireResponse> {
    const preflight = await this.#preflight(passage);
    if (preflight) return preflight;
    const form = await this.#form(passage);
    if (form) return form;
    const bearer = bearerToken(passage.headers.authorization);
    const claim = bearer === undefined ? readClaim(passage.headers, passage.pairs) : undefined;
    const { notes } = passage;
    notes.accessKeyId = claim?.accessKeyId;
    notes.bearer = bearer !== undefined;
    const isUnsigned = claim === undefined && bearer === undefined;
    if (isUnsigned && passage.protocol === 'query') await this.#refuseByName(passage);
    const service = this.#serviceFor(passage, bearer === undefined ? scopeOf(passage, claim) : 'bedrock', claim);
    this.#serviceIs(passage, service);
    passage.isStranger = isUnsigned;

    const isS3 = service.contract.scope === 's3';
    // What is not S3 was signed over its normalized path, so that is what it means.
    const path = isS3 ? passage.path : normalizedPath(passage.path);
    let body: Promise<Buffer> | undefined;
    const wholeBody = () => {
      body ??= collect(passage.request.body, service.bodyLimitBytes);
      return body;
    };
    const isPresigned = claim?.form === 'query' || claim?.form === 'query-v2';
    const moved = isS3 && isPresigned ? movedHeaders(passage.pairs, passage.headers) : {};
    const found = await this.#find(passage, service, path, isUnsigned, { ...passage.headers, ...moved });
    if (found && 'operation' in found) notes.operation = found.operation;
    const caller =
      bearer === undefined
        ? await this.#authenticate(passage, service, claim, wholeBody)
        : await verifyBearer(bearer, passage.request, { ...this.#options, now: this.#options.now() });
    notes.caller = caller;
    if (isS3) await checkRegionOfS3(caller, service.module, passage.path, this.#options.defaultRegion);
    passage.record.principal = caller.principal.arn;
    this.#options.admit(caller.principal, service.name);
    if (claim !== undefined) this.#noteUse(claim, { service: service.contract.scope, region: caller.region });
    // Only now: the signature counts them where they stand.
    Object.assign(passage.headers, moved);
    // Nobody behind this point needs them, and so nobody can let them slip.
    delete passage.headers.authorization;
    delete passage.headers['x-amz-security-token'];
    const { operation, labels } = await settled(found, service, passage, wholeBody);
    passage.record.operation = operation.name;
    notes.operation = operation;

    const stream = isS3
      ? verifiedBody(passage.request.body, caller.payload, passage.headers, this.#options.startChecksum)
      : undefined;
    const streaming = stream !== undefined && streamsIn(operation);
    const whole = streaming ? undefined : await (stream ? collect(stream, service.bodyLimitBytes, isS3) : wholeBody());
    if (isS3 && whole) checkDigests(whole, passage.headers, this.#options.startChecksum, boundHeaders(operation));
    const input = await service.protocol.decode(operation, {
      labels,
      query: service.contract.protocol === 'query' ? await formOf(passage, wholeBody) : passage.query,
      headers: contentHeaders(passage.headers, caller.payload),
      body: whole ?? stream ?? new Uint8Array(),
    });
    notes.input = input;
    const asked = { service: service.contract.scope, operation: operation.name, now: this.#options.now() };
    const ctx: RequestContext = {
      ...requestContext(passage.request, passage.headers, asked, caller),
      ...this.#patience(passage, service, operation),
      host: passage.host,
    };
    if (bearer === undefined && (claim === undefined || claim.form === 'query-v2')) ctx.regionNamed = false;
    const handler = service.module.operations[operation.name] as unknown as Operation<Input, Input>;
    await this.#permit(handler, service, passage, input, ctx, bearer === undefined ? [] : [bearerQuestion(bearer)]);
    const output = await handler.handle(input, ctx);
    notes.output = output ?? {};
    const answer = await service.protocol.encode(operation, output ?? {}, ctx.requestId);
    const { httpStatusCode = answer.status, httpHeaders } = metadataOf(output);
    return {
      ...answer,
      status: httpStatusCode,
      headers: { ...answer.headers, ...httpHeaders },
      record: passage.record,
    };
  }

  /**
   * AWS takes two operations of STS unsigned, and SDKs send them so where a web identity is configured: who does is told
   * that they are not there, rather than to sign.
   */
  async #refuseByName(passage: Passage): Promise<void> {
    const spoken = this.#services.filter(({ contract }) => contract.protocol === 'query');
    const limitBytes = Math.min(...spoken.map(({ bodyLimitBytes }) => bodyLimitBytes));
    const form = await formOf(passage, () => collect(passage.request.body, limitBytes));
    for (const service of spoken) {
      if (!service.contract.operations.has(form.get('Action') ?? '')) continue;
      this.#serviceIs(passage, service);
      const found = findAction(service, form);
      if (found instanceof Error) throw found;
    }
  }

  /** @throws Refusal by the operation's name */
  #refuseAbsent(passage: Passage, scope: string): void {
    for (const service of this.#services) {
      const { absent } = service.module;
      const name = absent?.scope === scope && absent.nameOf(passage.request.method, passage.path, passage.query);
      if (!name) continue;
      this.#serviceIs(passage, service);
      throw notImplemented(service.contract.protocol, name);
    }
  }

  #serviceFor(passage: Passage, scope: string, claim: Claim | ClaimV2 | undefined): Service {
    const candidates = this.#services.filter(service => service.contract.scope === scope);
    const [first, second] = candidates;
    if (first === undefined) {
      this.#refuseAbsent(passage, scope);
      const known = [...new Set(this.#services.map(service => service.contract.scope))].join("', '");
      throw new SignatureProblem(
        'scope',
        `Credential should be scoped to correct service: '${known}', not '${scope}'.`,
        {
          presigned: claim?.form === 'query',
        },
      );
    }
    if (second === undefined) return first;
    // Bedrock's control plane and runtime share a scope; their paths are disjoint.
    const path = normalizedPath(passage.path);
    return candidates.find(service => hasRoute(service, passage.request.method, path, passage.query)) ?? first;
  }

  /** What the request asks for, or why not, for after the signature; undefined where only the body tells. */
  async #find(
    passage: Passage,
    service: Service,
    path: string,
    unsigned: boolean,
    headers: Passage['headers'],
  ): Promise<Found | Error | undefined> {
    if (service.contract.protocol === 'query') return undefined;
    try {
      return findOperation(service, passage.request.method, path, passage.query, headers);
    } catch (error) {
      if (unsigned) throw error;
      return error instanceof Error ? error : new Error(String(error));
    }
  }

  async #authenticate(
    passage: Passage,
    service: Service,
    claim: Claim | ClaimV2 | undefined,
    wholeBody: () => Promise<Buffer>,
  ): Promise<Authenticated> {
    const { defaultRegion, allowSignatureV2, resolveCredential } = this.#options;
    if (claim === undefined)
      return {
        principal: ANONYMOUS,
        region: defaultRegion,
        presigned: false,
        payload: unsignedPayload(passage.headers),
      };
    // Version 2 signs the bucket with the path wherever it stands.
    const path = claim.form === 'query-v2' ? passage.path : passage.signedPath;
    return verify(passage.request, passage.headers, path, passage.pairs, claim, {
      resolveCredential,
      now: this.#options.now(),
      defaultRegion,
      allowSignatureV2,
      isS3: service.contract.scope === 's3',
      bodySha256: async () =>
        createHash('sha256')
          .update(await wholeBody())
          .digest('hex'),
    });
  }

  /**
   * Permission first, then the input's constraints. `authorize` sees input that may break them: where that makes it
   * fail, the constraints explain why.
   */
  async #permit(
    handler: Operation<Input, Input>,
    service: Service,
    passage: Passage,
    input: Input,
    ctx: RequestContext,
    beside: readonly AccessRequest[],
  ): Promise<void> {
    const invalid = this.#options.validate(service.name, service.contract.protocol, ctx.operation, input);
    let requests: readonly AccessRequest[];
    try {
      requests = await handler.authorize(input, ctx);
    } catch (error) {
      throw invalid ?? error;
    }
    passage.notes.questions = requests;
    await this.#options.authorizer([...beside, ...requests], ctx, input);
    passage.isStranger = false;
    if (invalid) throw invalid;
  }
}

/** Where an operation's status depends on its answer (206 for a range), or a header has no member, the output says so. */
function metadataOf(output: Input | undefined): { httpStatusCode?: number; httpHeaders?: Record<string, string> } {
  return (output?.$metadata as object | undefined) ?? {};
}

/** The service that a signature names; unsigned requests and Version 2 are S3's. */
function scopeOf(passage: Passage, claim: Claim | ClaimV2 | undefined): string {
  if (claim === undefined && passage.protocol !== 'rest-xml') throw unsignedRefusal(passage.protocol);
  return claim !== undefined && claim.form !== 'query-v2' ? claim.scope.service : 's3';
}

async function settled(
  found: Found | Error | undefined,
  service: Service,
  passage: Passage,
  wholeBody: () => Promise<Buffer>,
): Promise<Found> {
  const result = found ?? findAction(service, await formOf(passage, wholeBody));
  if (result instanceof Error) throw result;
  return result;
}

/** The Query protocol's parameters: a form in the body, or, for GET, the query itself (presigned GetCallerIdentity). */
async function formOf(passage: Passage, wholeBody: () => Promise<Buffer>): Promise<URLSearchParams> {
  if (passage.request.method === 'GET') return passage.query;
  return new URLSearchParams((await wholeBody()).toString('utf8'));
}
