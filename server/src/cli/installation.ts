import { existsSync } from 'node:fs';
import type { Config } from '../config.ts';
import { isInUse, lockDataFolder, type RootCredentials, readCredentials, readEndpoint } from '../data-folder.ts';
import { CliFailure } from './failure.ts';
import { shownPath } from './shown-path.ts';

/** How a running server is called: with `callRoute`. */
export type Server = { endpoint: string; region: string } & RootCredentials;

/**
 * Administers a data folder: through the server where one runs on it, else on the folder itself, locked meanwhile.
 * @param ways.server with the running server's endpoint and its root key
 * @param ways.folder what it opens is closed by itself, before the lock is given back
 * @throws CliFailure where no service has run on the folder yet, or one is starting or stopping
 */
export async function onInstallation<Answer>(
  { dataDirectory }: Config,
  ways: { server(server: Server): Promise<Answer>; folder(): Promise<Answer> },
): Promise<Answer> {
  const shown = shownPath(dataDirectory);
  if (!existsSync(dataDirectory))
    throw new CliFailure(`no service has run on ${shown} yet. Start one: npx --no-install likeness up --data ${shown}`);
  if (isInUse(dataDirectory)) {
    const running = readEndpoint(dataDirectory);
    const credentials = readCredentials(dataDirectory);
    if (!running || !credentials)
      throw new CliFailure(`the server on ${shown} is starting or stopping; try again in a moment.`);
    return await ways.server({ ...running, ...credentials });
  }
  const unlock = lockDataFolder(dataDirectory);
  try {
    return await ways.folder();
  } finally {
    unlock();
  }
}
