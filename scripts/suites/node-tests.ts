import { globSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../setup/process.mjs';
import { failed, type Outcome, runCommand, type Suite, skipped } from './suite.ts';

/** A suite of `node --test` files. @param patterns globs from the project's root */
export function nodeSuite(
  name: string,
  patterns: readonly string[],
  options: { timeoutSeconds?: number; concurrency?: number; full?: boolean } = {},
): Suite {
  return {
    name,
    full: options.full ?? false,
    async run() {
      const files = globSync([...patterns], { cwd: projectRoot }).toSorted();
      if (files.length === 0) return skipped(`${name}: no file matches ${patterns.join(', ')}`);
      const { code, output } = await runCommand(
        process.execPath,
        [
          '--test',
          `--test-concurrency=${options.concurrency ?? 2}`,
          `--test-reporter=${join(projectRoot, 'scripts/suites/count-reporter.mjs')}`,
          ...files,
        ],
        { timeoutSeconds: options.timeoutSeconds ?? 900 },
      );
      return outcomeOf(code, output);
    },
  };
}

function outcomeOf(code: number, output: string): Outcome {
  const line = output.match(/^totals (\{.*\})$/m)?.[1];
  if (line === undefined) return failed(output);
  const totals: Omit<Outcome, 'report'> = JSON.parse(line);
  const report = totals.failed > 0 || code !== 0 ? output.replace(/^totals .*$/m, '') : '';
  if (code !== 0 && totals.failed === 0)
    return { ...totals, failed: 1, report: `node --test ended with ${code}\n${report}` };
  return { ...totals, report };
}
