import { inBlock, parseBlock } from './address.ts';
import { compilePattern, fillVariables, matchesPattern, type Variables } from './pattern.ts';
import { legacyParsing, object, stringList, syntaxError } from './syntax.ts';

/** One line of a Condition block: an operator, a key and the values it is compared with. */
export interface Condition {
  operator: string;
  /** `ForAllValues:`, `ForAnyValue:`. */
  quantifier: 'all' | 'any' | undefined;
  ifExists: boolean;
  /** The key as the policy writes it. */
  name: string;
  /** The key in lower case: condition keys ignore case. */
  key: string;
  values: readonly string[];
}

/** The request's condition keys, in lower case, with their values. A key that the request does not have is absent. */
export type ConditionContext = ReadonlyMap<string, readonly string[]>;

/** Whether one value of the request agrees with one value of the policy. */
type Comparison = (actual: string, expected: string, variables: Variables | undefined) => boolean;

interface Operator {
  compare: Comparison;
  /** StringNotEquals and its kind: true when no value agrees, and where the key is missing. */
  negated: boolean;
  /** Refuses a value that the operator can never compare with. */
  check?: (expected: string) => boolean;
}

const OPERATORS: ReadonlyMap<string, Operator> = new Map(
  Object.entries({
    ...pair(
      'StringEquals',
      'StringNotEquals',
      equalText(text => text),
    ),
    ...pair(
      'StringEqualsIgnoreCase',
      'StringNotEqualsIgnoreCase',
      equalText(text => text.toLowerCase()),
    ),
    ...pair('StringLike', 'StringNotLike', likeText),
    ...pair(
      'NumericEquals',
      'NumericNotEquals',
      ordered(decimal, (a, b) => a === b),
      isNumeric,
    ),
    NumericLessThan: { compare: ordered(decimal, (a, b) => a < b), negated: false, check: isNumeric },
    NumericLessThanEquals: { compare: ordered(decimal, (a, b) => a <= b), negated: false, check: isNumeric },
    NumericGreaterThan: { compare: ordered(decimal, (a, b) => a > b), negated: false, check: isNumeric },
    NumericGreaterThanEquals: { compare: ordered(decimal, (a, b) => a >= b), negated: false, check: isNumeric },
    ...pair(
      'DateEquals',
      'DateNotEquals',
      ordered(instant, (a, b) => a === b),
      isDate,
    ),
    DateLessThan: { compare: ordered(instant, (a, b) => a < b), negated: false, check: isDate },
    DateLessThanEquals: { compare: ordered(instant, (a, b) => a <= b), negated: false, check: isDate },
    DateGreaterThan: { compare: ordered(instant, (a, b) => a > b), negated: false, check: isDate },
    DateGreaterThanEquals: { compare: ordered(instant, (a, b) => a >= b), negated: false, check: isDate },
    Bool: { compare: (actual, expected) => actual.toLowerCase() === expected.toLowerCase(), negated: false },
    BinaryEquals: { compare: (actual, expected) => actual === expected, negated: false },
    ...pair('IpAddress', 'NotIpAddress', inBlock, text => parseBlock(text) !== undefined),
    // AWS: ArnEquals and ArnLike behave alike; each of the six parts is matched on its own.
    ...pair('ArnEquals', 'ArnNotEquals', likeArn),
    ...pair('ArnLike', 'ArnNotLike', likeArn),
    Null: { compare: () => true, negated: false, check: text => /^(true|false)$/i.test(text) },
  } satisfies Record<string, Operator>).map(([name, operator]) => [name.toLowerCase(), operator]),
);

/**
 * AWS asks of a Condition that it has the right shape and values that can be read. A key that no service has is taken: it
 * is missing from every request.
 * @throws PolicySyntaxError for an unknown operator, or a value that cannot be compared
 */
export function parseConditions(block: unknown, where: string): Condition[] {
  if (block === undefined) return [];
  const conditions: Condition[] = [];
  for (const [written, keys] of Object.entries(object(block, `Condition of ${where}`))) {
    const parsed = /^(?:(ForAllValues|ForAnyValue):)?([A-Za-z]+?)(IfExists)?$/i.exec(written);
    const [, quantified, named = '', ifExists] = parsed ?? [];
    const name = named.toLowerCase();
    const operator = OPERATORS.get(name);
    const compared = Object.entries(object(keys, `${written} of ${where}`));
    if (operator === undefined || (name === 'null' && (quantified ?? ifExists) !== undefined)) {
      // AWS: an operator that compares nothing is not looked at.
      if (compared.length === 0) continue;
      throw syntaxError(`Invalid Condition type : ${written} of ${where}.`);
    }
    const quantifier = quantified && (quantified.toLowerCase() === 'forallvalues' ? 'all' : 'any');
    for (const [key, value] of compared) {
      const values = stringList(asText(value), `${written} ${key} of ${where}`);
      for (const text of values)
        if (operator.check?.(text) === false)
          throw legacyParsing(`${written} of ${where} cannot compare ${key} with "${text}".`);
      conditions.push({
        operator: name,
        quantifier: quantifier || undefined,
        ifExists: ifExists !== undefined,
        name: key,
        key: key.toLowerCase(),
        values,
      });
    }
  }
  return conditions;
}

/** Whether a value of the policy simulator is of the type that it is said to be. */
export function comparableAs(type: string, value: string): boolean {
  if (type === 'numeric') return isNumeric(value);
  if (type === 'date') return isDate(value);
  if (type === 'ip') return parseBlock(value) !== undefined;
  return type !== 'boolean' || /^(true|false)$/i.test(value);
}

/** Every condition must hold. @param variables undefined where policy variables do not work (Version 2008-10-17) */
export function conditionsHold(
  conditions: readonly Condition[],
  context: ConditionContext,
  variables: Variables | undefined,
): boolean {
  return conditions.every(condition => holds(condition, context.get(condition.key), variables));
}

function holds(condition: Condition, actual: readonly string[] | undefined, variables: Variables | undefined): boolean {
  if (condition.operator === 'null')
    return condition.values.some(value => (value.toLowerCase() === 'true') === (actual === undefined));
  const operator = OPERATORS.get(condition.operator);
  if (operator === undefined) return false;
  const present = actual !== undefined && actual.length > 0;
  if (!present) {
    if (condition.ifExists || condition.quantifier === 'all') return true;
    return condition.quantifier === undefined && operator.negated;
  }
  // AWS: ForAllValues holds of nothing, and of a key whose one value is the empty string.
  if (condition.quantifier === 'all' && actual.every(value => value === '')) return true;
  const agrees = (value: string): boolean => {
    const some = condition.values.some(expected => operator.compare(value, expected, variables));
    return operator.negated ? !some : some;
  };
  // A key with several values and no quantifier: a negation must hold for all of them, anything else for one.
  if (condition.quantifier === 'all' || (condition.quantifier === undefined && operator.negated))
    return actual.every(agrees);
  return actual.some(agrees);
}

function pair(
  positive: string,
  negative: string,
  compare: Comparison,
  check?: (expected: string) => boolean,
): Record<string, Operator> {
  const shared = check === undefined ? { compare } : { compare, check };
  return { [positive]: { ...shared, negated: false }, [negative]: { ...shared, negated: true } };
}

function equalText(fold: (text: string) => string): Comparison {
  return (actual, expected, variables) => {
    // `*` is plain text here, but a variable is still filled in.
    const filled = fillVariables(expected, variables);
    return filled !== undefined && fold(filled) === fold(actual);
  };
}

function likeText(actual: string, expected: string, variables: Variables | undefined): boolean {
  const pattern = compilePattern(expected, variables);
  return pattern !== undefined && matchesPattern(pattern, actual);
}

function likeArn(actual: string, expected: string, variables: Variables | undefined): boolean {
  if (expected === '*') return true;
  const actualParts = arnParts(actual);
  const expectedParts = arnParts(expected);
  if (actualParts.length !== 6 || expectedParts.length !== 6) return false;
  return expectedParts.every((part, index) => likeText(actualParts[index] ?? '', part, variables));
}

/** The six parts of an ARN; a variable's own colons do not divide it. */
function arnParts(arn: string): string[] {
  const parts: string[] = [];
  let start = 0;
  for (let at = 0; at < arn.length && parts.length < 5; at++) {
    if (arn.startsWith('${', at)) at = Math.max(at, arn.indexOf('}', at));
    else if (arn[at] === ':') {
      parts.push(arn.slice(start, at));
      start = at + 1;
    }
  }
  return [...parts, arn.slice(start)];
}

/** AWS: policy variables stand in string and ARN conditions only; elsewhere `${…}` is no value, and is refused. */
function ordered(read: (text: string) => number, test: (a: number, b: number) => boolean): Comparison {
  return (actual, expected) => test(read(actual), read(expected));
}

/** A decimal number. @returns NaN, which compares with nothing */
function decimal(text: string): number {
  return /^\s*[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?\s*$/i.test(text) ? Number(text) : Number.NaN;
}

const ISO_8601 =
  /^(\d{4})(?:-(\d\d)(?:-(\d\d)(?:[Tt](\d\d?):(\d\d)(?::(\d\d)(\.\d+)?)?([Zz]|[+-]\d\d(?::?\d\d)?)?)?)?)?$/;

/** Milliseconds since 1970 of an ISO 8601 date (UTC where it says no offset) or of whole seconds since 1970; else NaN. */
function instant(text: string): number {
  if (/^-?\d+$/.test(text)) return Number.isSafeInteger(Number(text)) ? Number(text) * 1000 : Number.NaN;
  const parsed = ISO_8601.exec(text);
  if (parsed === null) return Number.NaN;
  const [, year, month = '01', day = '01', hour = '00', minute = '00', second = '00', fraction = '', zone = 'Z'] =
    parsed;
  const offset = /^[+-]/.test(zone) ? `${zone.slice(0, 3)}:${zone.slice(3).replace(':', '') || '00'}` : 'Z';
  const milliseconds = `${fraction.slice(0, 4) || '.'}000`.slice(0, 4);
  return Date.parse(`${year}-${month}-${day}T${hour.padStart(2, '0')}:${minute}:${second}${milliseconds}${offset}`);
}

function isNumeric(text: string): boolean {
  return !Number.isNaN(decimal(text));
}

function isDate(text: string): boolean {
  return !Number.isNaN(instant(text));
}

/** Policies write booleans and numbers bare as well as quoted. */
function asText(value: unknown): unknown {
  const one = (item: unknown): unknown => (typeof item === 'boolean' || typeof item === 'number' ? String(item) : item);
  return Array.isArray(value) ? value.map(one) : one(value);
}
