// biome-ignore-all lint/suspicious/noTemplateCurlyInString: policy variables look like templates
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
  const pieces = piecesOf(text, variables);
  if (pieces === undefined) return undefined;
  const pattern: number[] = [];
  for (const piece of pieces)
    for (let index = 0; index < piece.text.length; index++) {
      const character = piece.text[index];
      if (piece.filled || (character !== '*' && character !== '?')) pattern.push(piece.text.charCodeAt(index));
      else if (character === '?') pattern.push(ONE);
      else if (pattern.at(-1) !== ANY) pattern.push(ANY);
    }
  return pattern;
}

/** A text with its variables filled in, wildcards left as they are. @returns undefined as compilePattern does */
export function fillVariables(text: string, variables: Variables | undefined): string | undefined {
  return piecesOf(text, variables)
    ?.map(piece => piece.text)
    .join('');
}

/** A text cut where variables begin and end; `filled`: the value of one, and so literal. */
function piecesOf(
  text: string,
  variables: Variables | undefined,
): readonly { text: string; filled: boolean }[] | undefined {
  const pieces: { text: string; filled: boolean }[] = [];
  let at = 0;
  while (variables !== undefined) {
    const start = text.indexOf('${', at);
    const end = start < 0 ? -1 : text.indexOf('}', start);
    if (end < 0) break;
    const value = variableValue(text.slice(start + 2, end), variables);
    if (value === undefined) return undefined;
    pieces.push({ text: text.slice(at, start), filled: false }, { text: value, filled: true });
    at = end + 1;
  }
  pieces.push({ text: text.slice(at), filled: false });
  return pieces;
}

/** The keys that a text's variables stand for, as it writes them. */
export function variableNames(text: string): string[] {
  return [...text.matchAll(/\$\{([^}*?$]+)\}/g)].map(
    ([, expression = '']) => expression.split(',', 1)[0]?.trim() ?? '',
  );
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

/** Steps that the plain way may take: what a request really asks needs a few hundred. */
const STEP_LIMIT = 50_000;

/**
 * Whether the whole value matches. Only the last `*` is ever tried again, so the work is mostly the value's length; where
 * pattern and value were made to need the product of their lengths, all positions of the pattern go forward at once.
 */
export function matchesPattern(pattern: Pattern, value: string): boolean {
  let at = 0;
  let index = 0;
  let lastAny = -1;
  let resumeIndex = 0;
  for (let steps = 0; index < value.length; steps++) {
    if (steps === STEP_LIMIT) return matchesAtOnce(pattern, value);
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

/**
 * The same by Shift-And (Baeza-Yates and Gonnet 1992): bit i of the state says that the first i elements match what was
 * read, so a character costs a few operations on a number of as many bits as the pattern has elements.
 */
export function matchesAtOnce(pattern: Pattern, value: string): boolean {
  const bits = new Map<number, bigint>();
  let anyCharacter = 0n;
  let repeating = 0n;
  let length = 0n;
  for (const element of pattern)
    if (element === ANY) repeating |= 1n << length;
    else {
      length++;
      if (element === ONE) anyCharacter |= 1n << length;
      else bits.set(element, (bits.get(element) ?? 0n) | (1n << length));
    }
  let state = 1n;
  for (let index = 0; index < value.length && state !== 0n; index++) {
    const matching = (bits.get(value.charCodeAt(index)) ?? 0n) | anyCharacter;
    state = ((state << 1n) & matching) | (state & repeating);
  }
  return (state >> length) % 2n === 1n;
}

/** Matches without variables, ignoring case: actions. */
export function matchesAction(pattern: string, action: string): boolean {
  const compiled = compilePattern(pattern.toLowerCase());
  return compiled !== undefined && matchesPattern(compiled, action.toLowerCase());
}
