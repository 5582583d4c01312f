import type { KeyOwner } from './keys.ts';

/** Weights of custom models in service-owned storage, encrypted (AES-256-GCM, envelope); no S3 caller can list them. */
export interface StoredFile {
  /** Below the model's folder, with forward slashes. */
  name: string;
  sizeBytes: number;
  /** Its bytes; of a stored one decrypted, and verified as they come. */
  read(): AsyncIterable<Uint8Array>;
}

export interface ModelStore {
  /** Encrypts every file of a folder; resolves when all is durable. Replaces an earlier half-written one of this id. */
  save(modelId: string, folder: string, owner: KeyOwner): Promise<{ sizeBytes: number }>;
  /** The same for files that lie in no folder of their own. */
  saveFiles(modelId: string, files: readonly StoredFile[], owner: KeyOwner): Promise<{ sizeBytes: number }>;
  /** Encrypts a model's files anew under another id and owner: nothing decrypted touches the disk. */
  copy(
    from: { modelId: string; owner: KeyOwner },
    to: { modelId: string; owner: KeyOwner },
  ): Promise<{ sizeBytes: number }>;
  /** The files as they are, for a reader that needs no folder. */
  files(modelId: string, owner: KeyOwner): Promise<StoredFile[]>;
  /** Decrypts into a new folder (mode 0700) for a process to load; the caller deletes it. Verifies every byte. */
  open(modelId: string, folder: string, owner: KeyOwner): Promise<void>;
  delete(modelId: string): Promise<void>;
  /** Ids that have weights here, for the sweep. */
  list(): Promise<string[]>;
}
