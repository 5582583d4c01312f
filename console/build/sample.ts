import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Plugin } from 'vite';

const folder = resolve(import.meta.dirname, '../../models/art/sample');

/** Puts the product's sample data set beside the console, so that a first data set is one click away. */
export function sample(): Plugin {
  return {
    name: 'sample',
    apply: 'build',
    generateBundle() {
      for (const name of readdirSync(folder).filter(file => /\.(jpg|jsonl)$/.test(file)))
        this.emitFile({ type: 'asset', fileName: `sample/${name}`, source: readFileSync(join(folder, name)) });
    },
  };
}
