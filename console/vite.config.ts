import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';
import { compressedCopies } from './build/compressed-copies.ts';
import { systemFonts } from './build/system-fonts.ts';

export default defineConfig({
  base: '/_console/',
  plugins: [systemFonts(), react(), compressedCopies()],
  build: {
    target: 'es2022',
    // The content security policy allows neither inline scripts nor data: fonts.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1200,
  },
});
