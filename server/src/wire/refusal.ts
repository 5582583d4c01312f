import { Fault, type FaultKind, type FaultOptions } from '../domain/fault.ts';

/** A fault that wire itself finds, before any service is asked: it knows its code and status. */
export class Refusal extends Fault {
  readonly status: number;
  declare readonly code: string;

  constructor(status: number, code: string, message: string, options: FaultOptions & { kind?: FaultKind } = {}) {
    super(options.kind ?? (status === 403 ? 'denied' : 'invalid'), message, { ...options, code });
    this.name = 'Refusal';
    this.status = status;
  }
}
