/** What is wrong with a document; parsePolicy turns it into the fault that the asking service wants. */
export class PolicySyntaxError extends Error {}

/** A string or a list of at least one string, as policies write both. */
export function stringList(value: unknown, where: string): string[] {
  const list = Array.isArray(value) ? value : [value];
  const strings = list.filter(item => typeof item === 'string');
  if (strings.length !== list.length || strings.length === 0)
    throw new PolicySyntaxError(`Syntax errors in policy: ${where} must be a string or a list of strings.`);
  return strings;
}

export function object(value: unknown, message: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new PolicySyntaxError(message);
  return value as Record<string, unknown>;
}
