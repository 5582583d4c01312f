export interface ManifestRecord {
  imageRef: string;
  caption: string;
  maskRef?: string | undefined;
}

/** The lines of a manifest that can be read: file names or URIs with their captions. */
export function readManifest(text: string): ManifestRecord[] {
  return text.split('\n').flatMap(line => {
    try {
      const record = JSON.parse(line) as Record<string, unknown>;
      const { 'image-ref': imageRef, 'mask-ref': maskRef, caption } = record;
      if (typeof imageRef !== 'string' || typeof caption !== 'string') return [];
      return [{ imageRef, caption, ...(typeof maskRef === 'string' ? { maskRef } : {}) }];
    } catch {
      return [];
    }
  });
}
