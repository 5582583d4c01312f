/** The lines of a manifest that can be read: file names or URIs with their captions. */
export function readManifest(text: string): { imageRef: string; caption: string }[] {
  return text.split('\n').flatMap(line => {
    try {
      const record = JSON.parse(line) as Record<string, unknown>;
      const { 'image-ref': imageRef, caption } = record;
      return typeof imageRef === 'string' && typeof caption === 'string' ? [{ imageRef, caption }] : [];
    } catch {
      return [];
    }
  });
}
