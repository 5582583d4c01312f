import { execFile } from 'node:child_process';
import { readdir, realpath } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { promisify } from 'node:util';
import { Fault } from '../../domain/fault.ts';
import type { BaseModelFacts, InspectBaseModel } from '../../ports/base-models.ts';

const run = promisify(execFile);
const TIMEOUT_MILLISECONDS = 120_000;
/** As single checkpoints are named. Told by the name alone: whether a file is there is not. */
const CHECKPOINT = /\.(?:safetensors|ckpt|pth?|bin|gguf)$/i;

/** Asks the worker, which reads JSON and the headers of weights, loads nothing and imports no PyTorch. */
export function createInspection({ pythonPath }: { pythonPath: string }): InspectBaseModel {
  return async path => {
    await readdir(path).catch(error => {
      // What is not there and what may not be read are told alike.
      const advice = CHECKPOINT.test(path)
        ? ' A single checkpoint becomes a folder by from_single_file(FILE).save_pretrained(FOLDER) of its pipeline in diffusers.'
        : '';
      throw new Fault(
        'invalid',
        `There is no folder ${path} on the machine of the service that it may read.${advice}`,
        {
          cause: error,
        },
      );
    });
    const said = await run(pythonPath, ['-m', 'likeness_worker', 'check', '--base', path], {
      // Nothing of the server's own environment, which may hold its keys.
      env: { PATH: '/usr/local/bin:/usr/bin:/bin', HOME: '/tmp', LANG: 'C.UTF-8', PYTHONNOUSERSITE: '1' },
      timeout: TIMEOUT_MILLISECONDS,
    }).catch((error: Error & { stderr?: string }) => {
      const refusal = /^error: (.+)$/m.exec(error.stderr ?? '')?.[1];
      if (refusal !== undefined) throw new Fault('invalid', refusal);
      throw new Fault('unavailable', `The folder ${path} could not be looked at: run "likeness doctor".`, {
        cause: error,
      });
    });
    await refuseLinksOut(path);
    const { family, resolution, tasks, parameters, sizeBytes, memoryBytes }: BaseModelFacts = JSON.parse(said.stdout);
    return { family, resolution, tasks, parameters, sizeBytes, memoryBytes };
  };
}

/** The sandbox shows a worker this folder and nothing beside it; a hub's cache is a folder of such links. */
async function refuseLinksOut(folder: string): Promise<void> {
  const home = await realpath(folder);
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isSymbolicLink()) continue;
    const path = join(entry.parentPath, entry.name);
    const target = await realpath(path).catch(() => '');
    if (!target.startsWith(home + sep))
      throw new Fault(
        'invalid',
        `${relative(folder, path)} links to a place outside of the base model's folder, which workers do not see. Copy the folder with its contents: cp -rL.`,
      );
  }
}
