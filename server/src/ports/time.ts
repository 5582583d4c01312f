/** Time, ids and randomness are ports: tests set the clock and the ids. */
export interface Time {
  now(): Date;
  /** Resolves after that many milliseconds, or at once when the signal aborts. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
}

export interface Ids {
  /** 12 of [a-z0-9]: jobs, custom models, provisioned models. */
  resource(): string;
  /** UUID v4: request ids, key ids. */
  uuid(): string;
  /** Cryptographically random upper-case letters and digits, for AKIA…, AROA…, AIDA…. */
  upper(length: number): string;
  /** Cryptographically random bytes. */
  bytes(length: number): Uint8Array;
}
