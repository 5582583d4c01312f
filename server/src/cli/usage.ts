import { CliFailure } from './failure.ts';
import { onInstallation, type Server } from './installation.ts';
import { settings } from './settings.ts';
import { shownPath } from './shown-path.ts';
import { callRoute } from './signed-call.ts';

interface RegionFlags {
  data?: string;
  region?: string;
}

/** Prints what the first account has used, as the route answers it. */
export async function usage(
  flags: RegionFlags & { from?: string; to?: string; by?: string; resources?: true },
  environment: NodeJS.ProcessEnv,
): Promise<void> {
  const query = new URLSearchParams();
  for (const name of ['from', 'to', 'by', 'resources'] as const)
    if (flags[name] !== undefined) query.set(name, String(flags[name]));
  await print(flags, environment, server => callRoute(server, 'GET', `/usage?${query}`));
}

/** Prints what a job, or a purchase of model units, would take. */
export async function estimate(
  flags: RegionFlags & {
    images?: string;
    steps?: string;
    batch?: string;
    model: string;
    units?: string;
    commitment?: string;
  },
  environment: NodeJS.ProcessEnv,
): Promise<void> {
  const { images, units, steps, batch, commitment, model } = flags;
  if ((images === undefined) === (units === undefined))
    throw new CliFailure('say either --images, for a job, or --units, for model units.');
  const hyperParameters = { ...(steps && { stepCount: steps }), ...(batch && { batchSize: batch }) };
  const body =
    images === undefined
      ? { provisionedThroughput: { modelUnits: number(units), ...(commitment && { commitmentDuration: commitment }) } }
      : { customizationJob: { baseModelIdentifier: model, imageCount: number(images), hyperParameters } };
  await print(flags, environment, server =>
    callRoute(server, 'POST', '/estimate', body).catch((error: unknown) => {
      throw error instanceof CliFailure ? new CliFailure(inOptions(error.message)) : error;
    }),
  );
}

/** The server's words about members of its body, in those of the command line. */
const OPTIONS: Readonly<Record<string, string>> = {
  baseModelIdentifier: '--model',
  imageCount: '--images',
  stepCount: '--steps',
  batchSize: '--batch',
  modelUnits: '--units',
  commitmentDuration: '--commitment',
};

function inOptions(message: string): string {
  return message
    .replace(/\b(?:customizationJob|provisionedThroughput|hyperParameters)\./g, '')
    .replace(/\w+/g, word => OPTIONS[word] ?? word);
}

async function print(
  { data, region }: RegionFlags,
  environment: NodeJS.ProcessEnv,
  ask: (server: Server) => Promise<unknown>,
): Promise<void> {
  const config = settings(data === undefined ? {} : { data }, environment);
  const answer = await onInstallation<unknown>(config, {
    server: server => ask({ ...server, region: region ?? server.region }),
    async folder() {
      const folder = shownPath(config.dataDirectory);
      throw new CliFailure(
        `no service is running on ${folder}. Start one: npx --no-install likeness up --data ${folder}`,
      );
    },
  });
  console.log(JSON.stringify(answer, null, 2));
}

/** What is no number is left to the server, which says what it must be. */
function number(text: string | undefined): number | string | undefined {
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : text;
}
