import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** One tensor of 2 x 3 halves in a whole safetensors file. */
export function safetensors(shape: readonly number[] = [2, 3], dataBytes = 12): Buffer {
  const header = JSON.stringify({ weight: { dtype: 'F16', shape, data_offsets: [0, dataBytes] } });
  const bytes = Buffer.alloc(8 + header.length + dataBytes);
  bytes.writeBigUInt64LE(BigInt(header.length));
  bytes.write(header, 8);
  return bytes;
}

/** The files of a Stable Diffusion folder whose every part is there and whole; nothing can be drawn with it. */
export function baseModelFiles(): Record<string, string | Buffer> {
  const names = ['unet', 'vae', 'text_encoder', 'tokenizer', 'scheduler'];
  const parts = Object.fromEntries(names.map(name => [name, ['diffusers', 'X']]));
  return {
    'model_index.json': JSON.stringify({ _class_name: 'StableDiffusionPipeline', ...parts }),
    'scheduler/scheduler_config.json': '{}',
    'tokenizer/vocab.json': '{}',
    'tokenizer/merges.txt': '#version: 0.2\n',
    'unet/config.json': '{"sample_size": 64}',
    'unet/diffusion_pytorch_model.safetensors': safetensors(),
    'vae/config.json': '{}',
    'vae/diffusion_pytorch_model.safetensors': safetensors(),
    'text_encoder/config.json': '{}',
    'text_encoder/model.safetensors': safetensors(),
  };
}

/** Writes it. @returns the folder */
export async function putBaseModel(folder: string): Promise<string> {
  for (const [name, content] of Object.entries(baseModelFiles())) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), content);
  }
  return folder;
}
