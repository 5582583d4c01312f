import { isInUse, readCredentials, readEndpoint } from '../data-folder.ts';
import { CliFailure } from './failure.ts';
import { settings } from './settings.ts';
import { shownPath } from './shown-path.ts';

/** Prints what a POSIX shell evaluates to point any AWS client at the service. */
export function env(flags: { data?: string }, environment: NodeJS.ProcessEnv): void {
  const { dataDirectory, port, region } = settings(flags, environment);
  const credentials = readCredentials(dataDirectory);
  const shown = shownPath(dataDirectory);
  if (!credentials)
    throw new CliFailure(`no service has run on ${shown} yet. Start one: npx --no-install likeness up --data ${shown}`);
  const running = isInUse(dataDirectory) ? readEndpoint(dataDirectory) : undefined;
  if (!running) console.error(`likeness: no service is running on ${shown}; these lines are for when it does.`);
  console.log(
    shellLines({
      AWS_ENDPOINT_URL: running?.endpoint ?? `http://127.0.0.1:${port}`,
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      AWS_REGION: running?.region ?? region,
      AWS_DEFAULT_REGION: running?.region ?? region,
    }),
  );
}

/** A profile or a session token left in the shell would sign for another account. */
export function shellLines(variables: Record<string, string>): string {
  return [
    ...Object.entries(variables).map(([name, value]) => `export ${name}=${quote(value)}`),
    'unset AWS_SESSION_TOKEN AWS_PROFILE AWS_DEFAULT_PROFILE',
  ].join('\n');
}

function quote(value: string): string {
  return `'${value.replaceAll("'", `'\\''`)}'`;
}
