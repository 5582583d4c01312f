/** What outlives a training of an account: latents and text states, to be used by its next one on the same pictures. */
export interface TrainingCacheKey {
  accountId: string;
  region: string;
  /** sha256 of the pictures and of what encodes them. */
  contentSha256: string;
}

export interface TrainingCaches {
  /** Whether anything is kept at all. */
  readonly isOn: boolean;
  /** Decrypts what was kept into a new folder; false: there is nothing, and no folder. */
  open(key: TrainingCacheKey, folder: string): Promise<boolean>;
  /** Encrypts a folder under the account's key in the place of what was kept, unless that is the same or it is too large. */
  keep(key: TrainingCacheKey, folder: string): Promise<void>;
  /** Deletes what was not used for its time, and the longest unused past the size that all may have. */
  sweep(): Promise<void>;
}
