/**
 * Bytes of S3 objects, by opaque id. Rows (names, metadata, checksums) live in the store; a blob that no row names is
 * swept. Written with fsync and rename: `put` resolves only when the bytes survive kill -9 and power loss.
 */
export interface Objects {
  /**
   * Streams a source into a new blob; never holds it whole in memory. Rejects (and leaves nothing) when the source does.
   * @param expectedSizeBytes lets an adapter refuse early when the disk has no room
   */
  put(source: AsyncIterable<Uint8Array>, expectedSizeBytes?: number): Promise<{ blobId: string; sizeBytes: number }>;
  /** @param range inclusive byte offsets, inside the blob */
  get(blobId: string, range?: { start: number; end: number }): AsyncIterable<Uint8Array>;
  delete(blobId: string): Promise<void>;
  /** Every blob with its age, for the sweep of orphans. */
  list(): AsyncIterable<{ blobId: string; modifiedAt: Date }>;
}
