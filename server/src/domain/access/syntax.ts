/** What is wrong with a document; parsePolicy turns it into the fault that the asking service wants. */
export class PolicySyntaxError extends Error {}

/** AWS's first sentence for whatever has the wrong shape, and then the place. */
export function syntaxError(detail: string): PolicySyntaxError {
  return new PolicySyntaxError(`Syntax errors in policy. ${detail}`);
}

/** AWS's words for what has the right shape and cannot be read: a date, an ARN, an effect in the wrong case. */
export function legacyParsing(detail: string): PolicySyntaxError {
  return new PolicySyntaxError(`The policy failed legacy parsing. ${detail}`);
}

/** A string or a list of strings, as policies write both. */
export function stringList(value: unknown, where: string): string[] {
  const list = Array.isArray(value) ? value : [value];
  const strings = list.filter(item => typeof item === 'string');
  if (strings.length !== list.length) throw syntaxError(`${where} must be a string or a list of strings.`);
  return strings;
}

export function object(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw syntaxError(`${what} must be a JSON object.`);
  return value as Record<string, unknown>;
}

const JSON_TOKEN = /"(?:[^"\\]|\\.)*"(\s*:)?|[{}[\]]/g;

/**
 * The first key that an object of a JSON text has twice. A parser keeps the last and says nothing: of two conditions one
 * would be lost, and the policy allow more than it says.
 * @param text valid JSON
 */
export function duplicateKey(text: string): string | undefined {
  const open: Set<string>[] = [];
  for (const [token, colon] of text.matchAll(JSON_TOKEN)) {
    if (token === '{' || token === '[') open.push(new Set());
    else if (token === '}' || token === ']') open.pop();
    else if (colon !== undefined) {
      const key: string = JSON.parse(token.slice(0, -colon.length));
      if (open.at(-1)?.has(key)) return key;
      open.at(-1)?.add(key);
    }
  }
  return undefined;
}
