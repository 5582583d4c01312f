import { resolve } from 'node:path';
import type { Logger } from 'pino';
import { type Config, isLoopback } from '../config.ts';
import { removeEndpoint, writeCredentials, writeEndpoint } from '../data-folder.ts';
import { CliFailure } from './failure.ts';
import { takeDataFolder } from './installation.ts';
import { plainLog } from './plain-log.ts';
import { type ServiceFlags, settings } from './settings.ts';
import { shownPath } from './shown-path.ts';
import { signInLink } from './sign-in-link.ts';

/** Two stop signals within this time are one: a terminal sends Ctrl-C to the launcher and to us, and it forwards its own. */
const SAME_STOP_MILLISECONDS = 1000;
const FORCED_STOP_MILLISECONDS = 3000;

/** Runs the service until a signal stops it. */
export async function up(flags: ServiceFlags, environment: NodeJS.ProcessEnv): Promise<void> {
  const quiet = environment.LIKENESS_LOG_LEVEL === undefined && flags.logLevel === undefined;
  const config = settings(flags, environment, quiet ? { logLevel: 'warn' } : {});
  const service = await startService(config, quiet ? plainLog() : undefined);
  // Whoever reads that Ctrl-C stops it may press it at once.
  stopOnSignal(service, 0);
  console.log(welcome(config, service));
}

export interface RunningService {
  endpoint: string;
  tlsEndpoint: string | undefined;
  accountId: string;
  accessKeyId: string;
  secretAccessKey: string;
  /** For a link to the console that signs in the root user, once. */
  signInToken: string;
  /** Clean: trainers write a checkpoint and end, their jobs go on at the next start. `force`: at once. */
  stop(options?: { force?: boolean }): Promise<void>;
}

/**
 * The service on its data folder, with the folder locked and its endpoint and credentials written there.
 * @param log absent: lines of JSON
 * @throws CliFailure in one line when the folder, the host or the port cannot be had
 */
export async function startService(config: Config, log?: Logger): Promise<RunningService> {
  if (!isLoopback(config.host) && !config.allowInsecureHost && config.tlsPort === 'off')
    throw new CliFailure(
      `--host ${config.host} would offer the service to the network over plain HTTP. Leave TLS on, or add --insecure if that network is yours alone.`,
    );
  if (config.port !== 0 && config.port === config.tlsPort)
    throw new CliFailure(
      `--port and --tls-port are both ${config.port}: each needs a port of its own. Give --tls-port another one, 0 for a free one, or off.`,
    );
  const unlock = takeDataFolder(config.dataDirectory);
  try {
    const { createLikeness } = await import('../main.ts');
    const likeness = await createLikeness(config, log ? { log } : {}).catch(error => {
      throw explained(error, config);
    });
    const { endpoint, tls, accountId, credentials, signInToken } = likeness;
    writeCredentials(config.dataDirectory, credentials);
    writeEndpoint(config.dataDirectory, {
      endpoint,
      ...(tls && { tlsEndpoint: tls.endpoint, tlsCertificate: resolve(tls.certificatePath) }),
      pid: process.pid,
      region: config.region,
      accountId,
      startedAt: new Date().toISOString(),
    });
    return {
      endpoint,
      tlsEndpoint: tls?.endpoint,
      accountId,
      ...credentials,
      signInToken,
      async stop({ force = false } = {}) {
        await likeness.close({ force });
        removeEndpoint(config.dataDirectory);
        unlock();
      },
    };
  } catch (error) {
    unlock();
    throw error;
  }
}

function explained(error: unknown, config: Config): unknown {
  const { code, port = config.port } = error as NodeJS.ErrnoException & { port?: number };
  const flag = port === config.port ? '--port' : '--tls-port';
  if (code === 'EADDRINUSE')
    return new CliFailure(
      `port ${port} is taken by another program. Choose another with ${flag}, or 0 for a free one.`,
    );
  if (code === 'EACCES')
    return new CliFailure(`port ${port} needs more rights than you have. Choose one above 1023 with ${flag}.`);
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND')
    return new CliFailure(`--host ${config.host} is no address of this machine.`);
  // Settings and data folders that cannot be used are plain Errors of one line; a TypeError is a bug of ours.
  if (error instanceof Error && error.constructor === Error) return new CliFailure(error.message);
  return error;
}

function welcome(config: Config, service: RunningService): string {
  const data = shownPath(config.dataDirectory);
  const option = data === '.likeness' ? '' : ` --data ${data}`;
  return [
    'Likeness is running.',
    `  endpoint  ${service.endpoint}`,
    `  console   ${service.endpoint}/_console/`,
    ...(service.tlsEndpoint === undefined ? [] : [`  with TLS  ${service.tlsEndpoint}`]),
    `  data      ${data} (account ${service.accountId}, Region ${config.region})`,
    `  sign in to the console, once, within 15 minutes (afterwards: npx --no-install likeness sign-in${option}):`,
    `    ${signInLink(service.endpoint, service.signInToken)}`,
    '  point any AWS client at it, in another shell:',
    `    eval "$(npx --no-install likeness env${option})"`,
    '    aws bedrock list-foundation-models',
    'Ctrl-C stops it. Training jobs then write a checkpoint, and go on at the next start.',
  ].join('\n');
}

/**
 * Stops the service at the first signal, cleanly, and at once at a second one that is no echo of the first; then ends
 * the process.
 * @param exitCode after a clean stop
 * @returns `requested`: whether a signal came; whatever fails from then on fails because of it
 */
export function stopOnSignal(service: RunningService, exitCode: number): { requested(): boolean } {
  let firstAt: number | undefined;
  const stop = (): void => {
    const now = Date.now();
    if (firstAt === undefined) {
      firstAt = now;
      console.log('\nStopping …');
      service.stop().then(done, failed);
    } else if (now - firstAt > SAME_STOP_MILLISECONDS) {
      console.log('Stopping at once.');
      service.stop({ force: true }).then(done, failed);
      // Whatever still hangs must not keep a person waiting who asked twice.
      setTimeout(() => process.exit(1), FORCED_STOP_MILLISECONDS).unref();
    }
  };
  const done = () => {
    console.log('Stopped.');
    process.exit(exitCode);
  };
  const failed = (error: unknown) => {
    console.error(error);
    process.exit(1);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop);
  // The launcher died without a word (kill -9): nobody is left who could stop us.
  process.on('disconnect', stop);
  process.channel?.unref();
  return { requested: () => firstAt !== undefined };
}
