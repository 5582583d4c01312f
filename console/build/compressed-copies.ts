import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import type { Plugin } from 'vite';

const COMPRESSIBLE = /\.(js|css|html|svg|json)$/;
/** 11 takes several seconds for one part in twenty more. */
const BROTLI_QUALITY = 9;

/** Writes `x.br` and `x.gz` beside each text file, so that the server compresses nothing while it answers. */
export function compressedCopies(): Plugin {
  let folder = '';
  return {
    name: 'compressed-copies',
    apply: 'build',
    configResolved(config) {
      folder = join(config.root, config.build.outDir);
    },
    closeBundle() {
      for (const name of globSync('**/*', { cwd: folder }).filter(path => COMPRESSIBLE.test(path))) {
        const bytes = readFileSync(join(folder, name));
        const parameters = { [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY };
        writeFileSync(join(folder, `${name}.br`), brotliCompressSync(bytes, { params: parameters }));
        writeFileSync(join(folder, `${name}.gz`), gzipSync(bytes, { level: 9 }));
      }
    },
  };
}
