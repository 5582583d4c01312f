import { open, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { headerLength, parseHeader, type SafetensorsHeader } from '../../domain/lora/safetensors.ts';

/** Shapes of all weights of two or more dimensions in a base's denoiser, by module, and the part that it is. */
export async function denoiserOf(
  folder: string,
): Promise<{ part: 'unet' | 'transformer'; layers: Map<string, number[]> }> {
  const index = JSON.parse(await readFile(join(folder, 'model_index.json'), 'utf8')) as object;
  const part = 'transformer' in index ? 'transformer' : 'unet';
  const files = (await readdir(join(folder, part))).filter(
    file => file.endsWith('.safetensors') && !file.includes('.non_ema'),
  );
  const whole = files.filter(file => !file.includes('.fp16'));
  const layers = new Map<string, number[]>();
  for (const file of whole.length > 0 ? whole : files) {
    const { tensors } = await readHeader(join(folder, part, file), `${part}/${file}`);
    for (const [key, { shape }] of tensors)
      if (key.endsWith('.weight') && shape.length > 1) layers.set(key.slice(0, -'.weight'.length), shape);
  }
  return { part, layers };
}

/** @throws Fault invalid */
async function readHeader(path: string, name: string): Promise<SafetensorsHeader> {
  const { size } = await stat(path);
  const file = await open(path);
  try {
    const start = await file.read(Buffer.alloc(8), 0, 8, 0);
    const length = headerLength(start.buffer.subarray(0, start.bytesRead), size, name);
    const { buffer } = await file.read(Buffer.alloc(length), 0, length, 8);
    return parseHeader(buffer, size, name);
  } finally {
    await file.close();
  }
}
