/** The product's own routes (docs/guides/likeness-routes.md), called as any signed client calls them. */
import { Sha256 } from '@aws-crypto/sha256-browser';
import { SignatureV4 } from '@smithy/signature-v4';

const PREFIX = '/_likeness/v1';

export interface Credentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
}

/** An error of a service as the pages show it; the SDK's own errors have the same members. */
export class ServiceError extends Error {
  readonly status: number;

  constructor(name: string, message: string, status: number) {
    super(message);
    this.name = name;
    this.status = status;
  }
}

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

/** @throws ServiceError */
export async function callUnsigned<Answer>(method: Method, path: string, body?: unknown): Promise<Answer> {
  const request: RequestInit = { method };
  if (body !== undefined) {
    request.body = JSON.stringify(body);
    request.headers = { 'content-type': 'application/json' };
  }
  return (await answered(await fetch(PREFIX + path, request))).json();
}

export interface SignedCall {
  /** In the scope of the signature; `likeness` where it is not said. */
  service?: string;
  method: Method;
  /** Its segments are encoded; below `/_likeness/v1` for service `likeness`, whole for another. */
  path: string;
  query?: Record<string, string>;
  body?: unknown;
  region: string;
  credentials: Credentials;
  signal?: AbortSignal;
}

/** @returns the response, for JSON as for streams @throws ServiceError */
export async function callSigned(call: SignedCall): Promise<Response> {
  const { method, query = {}, region, credentials, signal, service = 'likeness' } = call;
  const path = service === 'likeness' ? PREFIX + call.path : call.path;
  const body = call.body === undefined ? undefined : JSON.stringify(call.body);
  const signer = new SignatureV4({ service, region, credentials, sha256: Sha256 });
  const signed = await signer.sign({
    method,
    protocol: window.location.protocol,
    hostname: window.location.hostname,
    path,
    query,
    headers: {
      host: window.location.host,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    body,
  });
  // The browser sets host itself.
  const { host: _, ...headers } = signed.headers;
  const search = new URLSearchParams(query).toString();
  return answered(await fetch(search === '' ? path : `${path}?${search}`, { method, headers, body, signal }));
}

async function answered(response: Response): Promise<Response> {
  if (response.ok) return response;
  const text = await response.text();
  let problem: { __type?: string; message?: string } = {};
  try {
    problem = JSON.parse(text);
  } catch {
    // A proxy between may answer in its own words.
  }
  const name = problem.__type ?? response.headers.get('x-amzn-errortype') ?? `HTTP ${response.status}`;
  throw new ServiceError(name, problem.message ?? (text || response.statusText), response.status);
}
