import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../setup/process.mjs';
import { runCommand } from '../suites/suite.ts';

/**
 * The tool has been seen to check nothing and say so nowhere (a compiler it does not know, a path that moved): fewer of
 * our modules than this is a failure. Raise it as the house grows.
 */
export const MINIMUM_MODULES = 150;

interface Cruise {
  modules: { source: string }[];
  summary: { violations: { rule: { name: string }; from: string; to: string }[] };
}

/** @returns a line for each import that goes against ARCHITECTURE.md */
export async function checkBoundaries(): Promise<string[]> {
  const { modules, violations } = await cruise(['server/src', 'server/test', 'console/src', 'e2e']);
  const own = modules.filter(path => path.startsWith('server/src/')).length;
  if (own < MINIMUM_MODULES)
    violations.push(`only ${own} modules of server/src were read; expected ${MINIMUM_MODULES} or more`);
  return [...violations, ...checkTexts()];
}

/** @param paths relative to `root`, which holds a server/src of its own in the test with planted violations */
export async function cruise(
  paths: readonly string[],
  root = projectRoot,
): Promise<{ modules: string[]; violations: string[] }> {
  const { output } = await runCommand(
    join(projectRoot, 'node_modules/.bin/depcruise'),
    [...paths, '--config', join(projectRoot, '.dependency-cruiser.mjs'), '--output-type', 'json'],
    { cwd: root },
  );
  const json = output.match(/^\{\n[\s\S]*^\}$/m)?.[0];
  if (json === undefined) return { modules: [], violations: [`dependency-cruiser did not answer: ${output}`] };
  const answer: Cruise = JSON.parse(json);
  return {
    modules: answer.modules.map(module => module.source),
    violations: answer.summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} -> ${to}`),
  };
}

interface TextRule {
  name: string;
  pattern: RegExp;
  /** Where the pattern may stand. */
  allowed: RegExp;
}

/** What an import graph cannot say (it does not tell `import type` from `import`). */
export const textRules: TextRule[] = [
  {
    name: "the AWS SDK's schemas and clients stay in wire, cli and the S3 client of the worker; elsewhere import type",
    pattern: /^(import|export) (?!type\b)[^;]*?from '@(aws-sdk|smithy)\//m,
    allowed: /^server\/src\/(wire|cli|adapters\/customer-data-s3)\//,
  },
  {
    name: 'only config.ts reads the environment (the CLI hands it over)',
    pattern: /\bprocess\.env\b/,
    allowed: /^server\/src\/(config|cli\/program)\.ts$/,
  },
];

function checkTexts(): string[] {
  const sources = globSync('server/src/**/*.ts', { cwd: projectRoot }).filter(path => !path.endsWith('.test.ts'));
  return sources.flatMap(path => textViolations(path, readFileSync(join(projectRoot, path), 'utf8')));
}

export function textViolations(path: string, text: string): string[] {
  return textRules
    .filter(rule => rule.pattern.test(text) && !rule.allowed.test(path))
    .map(rule => `${path}: ${rule.name}`);
}
