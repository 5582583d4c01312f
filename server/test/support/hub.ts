import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

const COMMIT = '0123456789abcdef0123456789abcdef01234567';

/**
 * A stand-in of the hub: its API on one origin, the bytes of large files on another, to which it redirects as the hub does.
 * @param options.token that it wants; what is asked for without is 401
 */
export async function startHub(options: { files: Record<string, string | Buffer>; licence?: string; token?: string }) {
  const files = new Map(Object.entries(options.files).map(([path, content]) => [path, Buffer.from(content)]));
  const asked: { path: string; range: string | undefined; authorization: string | undefined }[] = [];
  const hub = {
    asked,
    files,
    /** What the API says of files, in the place of the truth. */
    said: {} as Record<string, { size?: number; sha256?: string }>,
    /** Sends so many bytes of each large file, and then nothing more. */
    stallAfterBytes: undefined as number | undefined,
    onStall: () => undefined as unknown,
    endpoint: '',
    close: async () => undefined as unknown,
  };

  const storage = await listen((request, response) => {
    const path = decodeURIComponent((request.url ?? '').slice(1));
    const { range, authorization } = request.headers;
    asked.push({ path, range, authorization });
    const content = files.get(path) ?? Buffer.alloc(0);
    const [, from = '0', to = ''] = /^bytes=(\d+)-(\d*)$/.exec(range ?? '') ?? [];
    const bytes = content.subarray(Number(from), to === '' ? undefined : Number(to) + 1);
    response.writeHead(range === undefined ? 200 : 206, { 'content-length': bytes.length });
    if (hub.stallAfterBytes === undefined || to !== '') return response.end(bytes);
    response.write(bytes.subarray(0, hub.stallAfterBytes), () => hub.onStall());
  });
  const api = await listen((request, response) => {
    const path = request.url ?? '';
    if (options.token !== undefined && request.headers.authorization !== `Bearer ${options.token}`)
      return response.writeHead(401).end();
    if (path === '/api/models/acme/Photo_XL/revision/main?blobs=true')
      return response.end(JSON.stringify(description(files, hub.said, options.licence)));
    const name = path.replace(`/acme/Photo_XL/resolve/${COMMIT}/`, '');
    if (!files.has(name)) return response.writeHead(404).end();
    if (name.endsWith('.safetensors')) return response.writeHead(302, { location: `${storage.origin}/${name}` }).end();
    response.end(files.get(name));
  });
  hub.endpoint = api.origin;
  hub.close = () => Promise.all([api.close(), storage.close()]);
  return hub;
}

function description(
  files: ReadonlyMap<string, Buffer>,
  said: Record<string, { size?: number; sha256?: string }>,
  licence: string | undefined,
) {
  const siblings = [...files].map(([rfilename, bytes]) => ({
    rfilename,
    size: said[rfilename]?.size ?? bytes.length,
    blobId: createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex'),
    ...(rfilename.endsWith('.safetensors') && {
      lfs: { sha256: said[rfilename]?.sha256 ?? createHash('sha256').update(bytes).digest('hex') },
    }),
  }));
  return { sha: COMMIT, cardData: { license: licence }, siblings };
}

async function listen(handle: (request: IncomingMessage, response: ServerResponse) => unknown) {
  const server: Server = createServer((request, response) => void handle(request, response));
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise(resolve => {
        server.close(resolve);
        server.closeAllConnections();
      }),
  };
}
