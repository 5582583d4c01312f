import { isInUse, readCredentials, readEndpoint } from '../data-folder.ts';
import { CliFailure } from './failure.ts';
import { settings } from './settings.ts';
import { shownPath } from './shown-path.ts';
import { signInLink } from './sign-in-link.ts';
import { callRoute } from './signed-call.ts';

/** Prints a fresh link to the console of a running service, asked for with the root key in its data folder. */
export async function signIn(flags: { data?: string; port?: string }, environment: NodeJS.ProcessEnv): Promise<void> {
  const { dataDirectory, port } = settings(flags, environment);
  const shown = shownPath(dataDirectory);
  const credentials = readCredentials(dataDirectory);
  const running = isInUse(dataDirectory) ? readEndpoint(dataDirectory) : undefined;
  if (!credentials || !running)
    throw new CliFailure(
      `no service is running on ${shown}. Name the folder of the one that is with --data, or start one, which prints ` +
        `a link itself: npx --no-install likeness up --data ${shown}`,
    );
  const endpoint = flags.port === undefined ? running.endpoint : `http://127.0.0.1:${port}`;
  const server = { ...running, ...credentials, endpoint };
  const { token } = (await callRoute(server, 'POST', '/sign-in-links', {})) as { token: string };
  console.log('Open it in a browser; it signs in once, within 15 minutes:');
  console.log(`  ${signInLink(endpoint, token)}`);
}
