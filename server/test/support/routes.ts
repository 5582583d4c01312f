import { send } from './raw-http.ts';
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
  const signed = signByHand({
    ...{ method, region, service, host: `127.0.0.1:${server.port}` },
    target: `/_likeness/v1${path}`,
    body: typeof body === 'string' ? body : JSON.stringify(body),
    credentials: credentials ?? ROOT,
    ...(options.at && { at: options.at }),
    say: credentials === null ? { authorization: '' } : (options.say ?? {}),
  });
  const answer = await send(server.port, signed);
  return { ...answer, json: answer.body === '' ? undefined : JSON.parse(answer.body) };
}
