import { existsSync, globSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../setup/process.mjs';
import { failed, type Outcome, runCommand, type Suite, skipped } from './suite.ts';

/** A suite of pytest. @param environment .venv (the worker's) or .venv-test (AWS's Python clients) */
export function pythonSuite(
  name: string,
  environment: '.venv' | '.venv-test',
  folder: string,
  options: { timeoutSeconds?: number; pytestArguments?: readonly string[]; full?: boolean } = {},
): Suite {
  return {
    name,
    full: options.full ?? false,
    async run() {
      const python = join(projectRoot, environment, 'bin', 'python');
      if (globSync(`${folder}/**/test_*.py`, { cwd: projectRoot }).length === 0)
        return skipped(`${name}: there are no tests in ${folder}`);
      if (!existsSync(python)) return failed(`${environment} is missing: run npm run setup -- --tests`);
      mkdirSync(join(projectRoot, 'artifacts'), { recursive: true });
      const resultPath = join(projectRoot, 'artifacts', `${name.replaceAll(/\W+/g, '-')}.xml`);
      const { code, output } = await runCommand(
        python,
        [
          '-m',
          'pytest',
          folder,
          '-q',
          '-rs',
          '--color=no',
          `--junitxml=${resultPath}`,
          ...(options.pytestArguments ?? []),
        ],
        { timeoutSeconds: options.timeoutSeconds ?? 1200 },
      );
      return outcomeOf(code, output, resultPath);
    },
  };
}

function outcomeOf(code: number, output: string, resultPath: string): Outcome {
  const head =
    existsSync(resultPath) && code !== 124
      ? readFileSync(resultPath, 'utf8').match(/<testsuite [^>]*>/)?.[0]
      : undefined;
  if (head === undefined) return failed(output);
  const count = (name: string) => Number(head.match(new RegExp(`\\b${name}="(\\d+)"`))?.[1] ?? 0);
  const failures = count('failures') + count('errors');
  const skips = count('skipped');
  return {
    passed: Math.max(0, count('tests') - failures - skips),
    failed: code !== 0 && failures === 0 ? 1 : failures,
    skipped: skips,
    report: failures > 0 || code !== 0 ? output : '',
    skipReasons: [...output.matchAll(/^SKIPPED \[\d+\] (.*)$/gm)].map(match => match[1] ?? ''),
  };
}
