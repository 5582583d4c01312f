import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { plan } from './plan.ts';

const run = promisify(execFile);
const script = resolve(import.meta.dirname, '../../../../scripts/contact-sheet.py');

/** One PNG of all pictures with their prompts, drawn by the worker's Python (Pillow). */
export async function writeContactSheet(output: string, picturesFolder: string, pythonPath: string): Promise<void> {
  await run(pythonPath, [script, output, picturesFolder, ...plan.prompts]);
}
