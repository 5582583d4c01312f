import { chmod, rm } from 'node:fs/promises';
import net from 'node:net';

/** Where the requests of a private endpoint arrive: a Unix socket, or an address of this machine. */
export type PrivateAddress = { path: string } | { host: string; port: number };

/** The endpoint that a connection came through; HTTP/2's stand-in for a socket hands on what it does not know. */
const ENDPOINT = Symbol('private endpoint');

/** Marks a connection. */
export function markEndpoint(socket: object, endpointId: string): void {
  (socket as { [ENDPOINT]?: string })[ENDPOINT] = endpointId;
}

/** @returns undefined for a connection of the public ports */
export function endpointOf(socket: object): string | undefined {
  return (socket as { [ENDPOINT]?: string })[ENDPOINT];
}

/**
 * Listens; a socket file that a killed server left behind is replaced, one that somebody serves is not. Its mode (0660)
 * says who may connect.
 */
export async function listenPrivately(server: net.Server, address: PrivateAddress): Promise<void> {
  if ('path' in address && (await isAbandoned(address.path))) await rm(address.path, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(address, () => {
      server.removeListener('error', reject);
      resolve();
    });
  });
  if ('path' in address) await chmod(address.path, 0o660);
}

function isAbandoned(path: string): Promise<boolean> {
  return new Promise(resolve => {
    const probe = net.connect(path);
    probe.once('connect', () => {
      probe.destroy();
      resolve(false);
    });
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED'));
  });
}
