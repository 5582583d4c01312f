import type { Call } from '../domain/call.ts';

/** The audit trail. */
export interface Trail {
  /** Resolves when the call's entries are written, or could not be: then the log says so. */
  record(call: Call): Promise<void>;
}
