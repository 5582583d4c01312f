/** Structured lines for the operator. Never a secret, a caption or a prompt. */
export interface Log {
  debug(fields: Record<string, unknown>, message: string): void;
  info(fields: Record<string, unknown>, message: string): void;
  warn(fields: Record<string, unknown>, message: string): void;
  /** `fields.error`: the Error. */
  error(fields: Record<string, unknown>, message: string): void;
}
