import { CliFailure } from '../failure.ts';
import type { HubClient, HubFile } from './client.ts';

/** As the worker loads: float32, whatever is rounded afterwards. */
const LOADED_BYTES_A_PARAMETER = 4;
/** Most headers are smaller; a longer one is asked for again. */
const FIRST_BYTES = 256 * 1024;
const LONGEST_HEADER = 100_000_000;

/** @returns the memory that the weights take while they load, from their headers alone */
export async function memoryNeed(hub: HubClient, commit: string, files: readonly HubFile[]): Promise<number> {
  let parameters = 0;
  for (const file of files.filter(({ path }) => path.endsWith('.safetensors')))
    parameters += parametersIn(await header(hub, commit, file));
  return parameters * LOADED_BYTES_A_PARAMETER;
}

async function header(hub: HubClient, commit: string, { path, sizeBytes }: HubFile): Promise<unknown> {
  const read = async (byteCount: number): Promise<Buffer> => {
    const response = await hub.fetchFile(commit, path, { from: 0, to: Math.min(byteCount, sizeBytes) - 1 });
    const pieces: Uint8Array[] = [];
    let size = 0;
    for await (const bytes of response.body ?? []) {
      pieces.push(bytes);
      size += bytes.length;
      // A server without ranges sends gigabytes.
      if (size >= byteCount) break;
    }
    return Buffer.concat(pieces);
  };
  let bytes = await read(FIRST_BYTES);
  const length = bytes.length < 8 ? 0 : Number(bytes.readBigUInt64LE());
  if (length === 0 || length > LONGEST_HEADER)
    throw new CliFailure(`${path} of the repository is no safetensors file.`);
  if (bytes.length < 8 + length) bytes = await read(8 + length);
  try {
    return JSON.parse(bytes.subarray(8, 8 + length).toString());
  } catch {
    throw new CliFailure(`${path} of the repository is no safetensors file.`);
  }
}

function parametersIn(header: unknown): number {
  const tensors = Object.entries(header as Record<string, { shape?: number[] }>).filter(
    ([name]) => name !== '__metadata__',
  );
  return tensors.reduce((sum, [, { shape = [] }]) => sum + shape.reduce((product, side) => product * side, 1), 0);
}
