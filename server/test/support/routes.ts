import { type Credentials, ROOT, type TestServer } from './server.ts';
import { type HandRequest, signByHand } from './signing.ts';

export interface RouteReply {
  status: number;
  headers: Record<string, string>;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever a route answers
  json: any;
}

/** Calls one of the product's own routes, signed as service `likeness`. @param options.credentials null: unsigned */
export async function callRoute(
  server: Pick<TestServer, 'port'>,
  method: string,
  path: string,
  options: {
    body?: object | string;
    credentials?: Credentials | null;
    region?: string;
    say?: HandRequest['say'];
    service?: string;
    at?: Date;
  } = {},
): Promise<RouteReply> {
  const { credentials = ROOT, body = '', region = 'us-east-1', service = 'likeness' } = options;
  const host = `127.0.0.1:${server.port}`;
  const signed = signByHand({
    ...{ method, region, service, host },
    target: `/_likeness/v1${path}`,
    body: typeof body === 'string' ? body : JSON.stringify(body),
    credentials: credentials ?? ROOT,
    ...(options.at && { at: options.at }),
    say: credentials === null ? { authorization: '' } : (options.say ?? {}),
  });
  // Not the raw socket of other tests, which waits five seconds: a password's hash takes its time on a busy machine.
  const answer = await fetch(`http://${host}${signed.target}`, {
    method,
    headers: signed.headers.filter(([name]) => name !== 'host' && name !== 'content-length'),
    ...(body === '' ? {} : { body: Buffer.from(signed.body) }),
  });
  const text = await answer.text();
  return {
    status: answer.status,
    headers: Object.fromEntries(answer.headers),
    json: text === '' ? undefined : JSON.parse(text),
  };
}
