import type { PolicyDocument, Statement } from './document.ts';
import { variableNames } from './pattern.ts';

/** The context keys that a policy asks for, as it writes them and each once: policy variables, then condition keys. */
export function contextKeysOf({ version, statements }: PolicyDocument): string[] {
  return distinctKeys(statements.flatMap(statement => contextKeysOfStatement(version, statement)));
}

export function contextKeysOfStatement(version: PolicyDocument['version'], statement: Statement): string[] {
  const texts = [...(statement.resources?.patterns ?? []), ...statement.conditions.flatMap(({ values }) => values)];
  const variables = version === '2012-10-17' ? texts.flatMap(variableNames) : [];
  return distinctKeys([...variables, ...statement.conditions.map(({ name }) => name)]);
}

/** Condition keys ignore case: the first spelling stays. */
export function distinctKeys(names: readonly string[]): string[] {
  const seen = new Map<string, string>();
  for (const name of names) if (!seen.has(name.toLowerCase())) seen.set(name.toLowerCase(), name);
  return [...seen.values()];
}
