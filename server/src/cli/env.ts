import { isInUse, readCredentials, readEndpoint } from '../data-folder.ts';
import { CliFailure } from './failure.ts';
import { settings } from './settings.ts';
import { shownPath } from './shown-path.ts';

/** Prints what a POSIX shell evaluates to point any AWS client at the service. */
export function env(flags: { data?: string; tls?: boolean }, environment: NodeJS.ProcessEnv): void {
  const { dataDirectory, port, region } = settings(flags, environment);
  const credentials = readCredentials(dataDirectory);
  const shown = shownPath(dataDirectory);
  if (!credentials)
    throw new CliFailure(`no service has run on ${shown} yet. Start one: npx --no-install likeness up --data ${shown}`);
  const running = isInUse(dataDirectory) ? readEndpoint(dataDirectory) : undefined;
  if (!running) console.error(`likeness: no service is running on ${shown}; these lines are for when it does.`);
  const { tlsEndpoint, tlsCertificate } = running ?? {};
  if (flags.tls && (tlsEndpoint === undefined || tlsCertificate === undefined))
    throw new CliFailure(`no service with TLS is running on ${shown}. Start one: npx --no-install likeness up`);
  console.log(
    shellLines({
      AWS_ENDPOINT_URL: (flags.tls ? tlsEndpoint : running?.endpoint) ?? `http://127.0.0.1:${port}`,
      // The AWS CLI and boto3 trust what the first names, Node's SDK what the second adds.
      ...(flags.tls && tlsCertificate && { AWS_CA_BUNDLE: tlsCertificate, NODE_EXTRA_CA_CERTS: tlsCertificate }),
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      AWS_REGION: running?.region ?? region,
      AWS_DEFAULT_REGION: running?.region ?? region,
    }),
  );
  if (!flags.tls && tlsEndpoint !== undefined)
    console.log(`# With TLS (likeness env --tls): ${tlsEndpoint}, AWS_CA_BUNDLE=${quote(tlsCertificate ?? '')}`);
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
