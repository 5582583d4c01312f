import { open, rename, rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Readable } from 'node:stream';
import { isInUse, readCredentials, readEndpoint } from '../data-folder.ts';
import { parseArn } from '../domain/arn.ts';
import { CliFailure } from './failure.ts';
import { settings } from './settings.ts';
import { shownPath } from './shown-path.ts';
import { fetchRoute } from './signed-call.ts';

/** Writes a custom or imported model's LoRA into a file, whole or not at all, as the first account's root. */
export async function modelExport(
  modelArn: string,
  flags: { format: string; out: string; data?: string },
  environment: NodeJS.ProcessEnv,
): Promise<void> {
  const folder = settings(flags, environment).dataDirectory;
  const arn = parseArn(modelArn);
  const [kind, ...path] = arn?.resource.split('/') ?? [];
  const modelId = path.at(-1);
  if (arn?.service !== 'bedrock' || modelId === undefined || (kind !== 'custom-model' && kind !== 'imported-model'))
    throw new CliFailure(`${modelArn} is no ARN of a custom or imported model.`);
  const running = isInUse(folder) ? readEndpoint(folder) : undefined;
  const credentials = readCredentials(folder);
  if (!running || !credentials)
    throw new CliFailure(
      `an export needs the running service: npx --no-install likeness up --data ${shownPath(folder)}`,
    );
  const server = { ...running, ...credentials, region: arn.region };
  const response = await fetchRoute(
    server,
    'GET',
    `/models/${encodeURIComponent(modelId)}/export?format=${encodeURIComponent(flags.format)}`,
  );
  const target = resolve(flags.out);
  const temporary = `${target}.tmp`;
  const file = await open(temporary, 'w');
  try {
    await file.writeFile(response.body ? Readable.fromWeb(response.body as never) : '');
    await file.sync();
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  } finally {
    await file.close();
  }
  await rename(temporary, target);
  console.log(`Wrote ${shownPath(target)} in the layout of ${flags.format}.`);
}
