import type { Log } from '../../ports/log.ts';
import type { Time } from '../../ports/time.ts';
import type { KeyPair } from '../certificates/key-pair.ts';
import { type CertificateOptions, certificateSource } from './certificate.ts';

const USUAL_PORT = 4748;
/** How often the certificate is looked at again: the user's may have been replaced, ours may be near its end. */
const LOOK_SECONDS = 60 * 60;

interface SecureServer {
  listenSecure(host: string, port: number, pair: KeyPair): Promise<number>;
  renew(pair: KeyPair): void;
}

export interface SecurePort {
  port: number;
  certificatePath: string;
  stop(): void;
}

export interface SecurePortOptions extends Omit<CertificateOptions, 'now'> {
  server: SecureServer;
  /** `auto`: the usual one, or any other where somebody has it. */
  port: number | 'auto';
  time: Time;
  log: Log;
}

/** Listens with TLS, and takes up a new certificate without a restart. @throws Error for a pair that cannot be used */
export async function startSecurePort({ server, port, time, log, ...options }: SecurePortOptions): Promise<SecurePort> {
  const source = certificateSource({ ...options, now: () => time.now() });
  let served = await source.load();
  const taken = await listen(server, options.host, port, served);

  async function look(): Promise<void> {
    try {
      const pair = await source.load();
      if (pair.cert === served.cert && pair.key === served.key) return;
      server.renew(pair);
      served = pair;
      log.info({ path: source.path }, 'new connections get the renewed certificate');
    } catch (error) {
      log.error({ error }, 'the certificate could not be renewed; the earlier one is still served');
    }
  }

  const timer = setInterval(look, LOOK_SECONDS * 1000);
  timer.unref();
  return { port: taken, certificatePath: source.path, stop: () => clearInterval(timer) };
}

async function listen(server: SecureServer, host: string, port: number | 'auto', pair: KeyPair): Promise<number> {
  if (port !== 'auto') return await server.listenSecure(host, port, pair);
  return await server.listenSecure(host, USUAL_PORT, pair).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EADDRINUSE') throw error;
    return server.listenSecure(host, 0, pair);
  });
}
