/** `*` and `?` of a compiled pattern; every other element is a UTF-16 code unit to find as it is. */
const ANY = -1;
const ONE = -2;

/** A policy pattern ready to match. A value put in by a policy variable is literal, whatever characters it has. */
export type Pattern = readonly number[];

/** Looks up a policy variable by its name in lower case; undefined: the request has no such key. */
export type Variables = (name: string) => string | undefined;

/**
 * Compiles `*`, `?` and, with `variables`, `${aws:username}`, `${aws:username, 'nobody'}`, `${*}`, `${?}` and `${$}`.
 *
 * @param variables undefined for policies of Version 2008-10-17, where `${…}` is plain text
 * @returns undefined when a variable has no value and no default: such a pattern matches nothing
 */
export function compilePattern(text: string, variables?: Variables): Pattern | undefined {
  const pattern: number[] = [];
  let at = 0;
  while (at < text.length) {
    const end = variables !== undefined && text.startsWith('${', at) ? text.indexOf('}', at) : -1;
    if (variables !== undefined && end > 0) {
      const value = variableValue(text.slice(at + 2, end), variables);
      if (value === undefined) return undefined;
      for (let index = 0; index < value.length; index++) pattern.push(value.charCodeAt(index));
      at = end + 1;
      continue;
    }
    const character = text[at];
    if (character === '*') {
      if (pattern.at(-1) !== ANY) pattern.push(ANY);
    } else pattern.push(character === '?' ? ONE : text.charCodeAt(at));
    at++;
  }
  return pattern;
}

function variableValue(expression: string, variables: Variables): string | undefined {
  if (expression === '*' || expression === '?' || expression === '$') return expression;
  const comma = expression.indexOf(',');
  const name = (comma < 0 ? expression : expression.slice(0, comma)).trim().toLowerCase();
  const value = variables(name);
  if (value !== undefined || comma < 0) return value;
  const fallback = expression.slice(comma + 1).trim();
  return fallback.length >= 2 && fallback.startsWith("'") && fallback.endsWith("'") ? fallback.slice(1, -1) : undefined;
}

/**
 * Whether the whole value matches. Only the last `*` is ever tried again, so the work is at most the value's length
 * squared and mostly its length: a pattern from a customer's policy cannot stop the server, as a RegExp could.
 */
export function matchesPattern(pattern: Pattern, value: string): boolean {
  let at = 0;
  let index = 0;
  let lastAny = -1;
  let resumeIndex = 0;
  while (index < value.length) {
    const element = pattern[at];
    if (element === ANY) {
      lastAny = at++;
      resumeIndex = index;
    } else if (element === ONE || element === value.charCodeAt(index)) {
      at++;
      index++;
    } else if (lastAny >= 0) {
      at = lastAny + 1;
      index = ++resumeIndex;
    } else return false;
  }
  while (pattern[at] === ANY) at++;
  return at === pattern.length;
}

/** Matches without variables, ignoring case: actions. */
export function matchesAction(pattern: string, action: string): boolean {
  const compiled = compilePattern(pattern.toLowerCase());
  return compiled !== undefined && matchesPattern(compiled, action.toLowerCase());
}
