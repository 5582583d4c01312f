import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';
import { compressedCopies } from './build/compressed-copies.ts';
import { guides } from './build/guides.ts';
import { sample } from './build/sample.ts';
import { systemFonts } from './build/system-fonts.ts';

export default defineConfig({
  base: '/_console/',
  plugins: [systemFonts(), react(), sample(), guides(), compressedCopies()],
  build: {
    target: 'es2022',
    // Browsers that know light-dark(): a translation of it would not follow the chosen mode.
    cssTarget: ['chrome123', 'firefox120', 'safari17.5'],
    // The content security policy allows neither inline scripts nor data: fonts.
    assetsInlineLimit: 0,
    // The check of the first load reads it.
    manifest: true,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1200,
  },
});
