import type {
  AccessRequest,
  AdmitRequest,
  FormAnswer,
  FormUpload,
  Principal,
  RequestContext,
} from '../domain/operation.ts';
import type { CallNotes } from './call.ts';
import { readForm } from './form-data.ts';
import type { HeaderMap, RequestRecord, WireRequest, WireResponse } from './message.ts';
import { element, XML_DECLARATION } from './protocols/xml.ts';
import type { Service } from './registry.ts';
import { requestContext } from './request-context.ts';
import { verifyForm } from './sigv4/form.ts';
import { checkRegionOfS3 } from './sigv4/region.ts';
import type { Authenticated, VerifyOptions } from './sigv4/verify.ts';

interface FormOptions extends Pick<VerifyOptions, 'resolveCredential' | 'defaultRegion' | 'allowSignatureV2'> {
  now(): Date;
  admit: AdmitRequest;
  authorizer(requests: readonly AccessRequest[], ctx: RequestContext): Promise<void>;
}

interface FormPassage {
  request: WireRequest;
  headers: HeaderMap;
  /** Path style. */
  path: string;
  host: string;
  record: RequestRecord;
  notes: CallNotes;
}

/** Whether a request is the upload of a browser's form: its signature, if any, is in its fields. */
export function isFormUpload(method: string, headers: HeaderMap): boolean {
  const contentType = headers['content-type'] ?? '';
  return method === 'POST' && headers.authorization === undefined && /^multipart\/form-data\b/i.test(contentType);
}

/** Headers of the request that say nothing of the object. */
const OWN_HEADERS = ['host', 'user-agent', 'referer', 'origin'];

/** Answers the upload of a form: read its fields -> verify its policy's signature -> authorize -> handle. */
export async function answerForm(
  service: Service,
  upload: NonNullable<Service['module']['formUpload']>,
  passage: FormPassage,
  anonymous: Principal,
  options: FormOptions,
): Promise<WireResponse> {
  const { request, record, notes } = passage;
  const { fields, file } = await readForm(request.body, passage.headers['content-type'] ?? '');
  const now = options.now();
  const signed = await verifyForm(fields, { ...options, now });
  const caller: Pick<Authenticated, 'principal' | 'region' | 'presigned'> = signed ?? {
    ...{ principal: anonymous, region: options.defaultRegion, presigned: false },
  };
  notes.caller = caller;
  await checkRegionOfS3(caller, service.module, passage.path, options.defaultRegion);
  record.principal = caller.principal.arn;
  record.operation = 'PostObject';
  options.admit(caller.principal, 's3');
  const own = OWN_HEADERS.map((name): [string, string | undefined] => [name, passage.headers[name]]);
  const headers: HeaderMap = Object.fromEntries([...objectFields(fields), ...own]);
  const asked = { service: service.contract.scope, operation: 'PutObject', now };
  const ctx: RequestContext = { ...requestContext(request, headers, asked, caller), host: passage.host };
  if (!fields.has('x-amz-algorithm')) ctx.regionNamed = false;
  const form: FormUpload = {
    ...{ bucket: passage.path.split('/')[1] ?? '', fields, file },
    inputOf(operation, body) {
      const shape = service.contract.operations.get(operation);
      if (shape === undefined) throw new Error(`${operation} is no operation of ${service.name}.`);
      return service.protocol.decode(shape, {
        ...{ labels: {}, query: new URLSearchParams(), headers: {}, body: Buffer.from(body) },
      });
    },
  };
  notes.questions = await upload.authorize(form, ctx);
  await options.authorizer(notes.questions, ctx);
  return encode(await upload.handle(form, ctx), record);
}

/** Fields that stand for the headers of a PUT. */
function* objectFields(fields: ReadonlyMap<string, string>): Generator<[string, string]> {
  for (const [name, value] of fields) {
    if (name === 'acl') yield ['x-amz-acl', value];
    else if (name === 'expires' || name === 'content-md5') yield [name, value];
    else if (name.startsWith('x-amz-') && !/^x-amz-(algorithm|credential|date|signature|security-token)$/.test(name))
      yield [name, value];
  }
}

function encode({ status, headers, document }: FormAnswer, record: RequestRecord): WireResponse {
  if (document === undefined) return { status, headers, record };
  const members = Object.entries(document.members).map(([name, value]) => element(name, value));
  const body = `${XML_DECLARATION}<${document.name}>${members.join('')}</${document.name}>`;
  return { status, headers: { ...headers, 'content-type': 'application/xml' }, body, record };
}
