import { existsSync } from 'node:fs';
import type { Config } from '../config.ts';
import {
  DataFolderInUse,
  isInUse,
  lockDataFolder,
  type RootCredentials,
  readCredentials,
  readEndpoint,
} from '../data-folder.ts';
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
  if (isDataFolderInUse(dataDirectory)) {
    const running = readEndpoint(dataDirectory);
    const credentials = readCredentials(dataDirectory);
    if (!running || !credentials)
      throw new CliFailure(`the server on ${shown} is starting or stopping; try again in a moment.`);
    return await ways.server({ ...running, ...credentials });
  }
  const unlock = takeDataFolder(dataDirectory);
  try {
    return await ways.folder();
  } catch (error) {
    // Data folders that cannot be used are plain Errors of one line; a TypeError is a bug of ours.
    throw error instanceof Error && error.constructor === Error ? new CliFailure(error.message) : error;
  } finally {
    unlock();
  }
}

/** Takes the folder's lock. @returns what releases it @throws CliFailure in one line */
export function takeDataFolder(folder: string): () => void {
  return orFailure(folder, () => lockDataFolder(folder));
}

function isDataFolderInUse(folder: string): boolean {
  return orFailure(folder, () => isInUse(folder));
}

function orFailure<Answer>(folder: string, ask: () => Answer): Answer {
  try {
    return ask();
  } catch (error) {
    if (error instanceof DataFolderInUse) throw new CliFailure(error.message);
    throw new CliFailure(`the data folder ${folder} cannot be used: ${error instanceof Error ? error.message : error}`);
  }
}
