import type { Plugin } from 'vite';

/** Cloudscape's global styles carry Open Sans in base64 (190 kB); the system's own fonts stand next in its stack. */
export function systemFonts(): Plugin {
  return {
    name: 'system-fonts',
    enforce: 'pre',
    transform(code, id) {
      if (!id.includes('@cloudscape-design/global-styles') || !id.endsWith('.css')) return undefined;
      return { code: code.replaceAll(/@font-face\s*\{[^}]*\}/g, ''), map: null };
    },
  };
}
