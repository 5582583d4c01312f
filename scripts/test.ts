// `npm test`: every suite, one after the other (the machine has few cores and the suites start servers and workers), a
// line each, and a closing line with the totals. `--only name,name` runs some; `--full` adds the long ones.
import { parseArgs } from 'node:util';
import { checks } from './checks/checks.ts';
import { nodeSuite } from './suites/node-tests.ts';
import { pythonSuite } from './suites/python-tests.ts';
import { benchSuite, failed, killRunningCommands, type Outcome, type Suite } from './suites/suite.ts';

const suites: Suite[] = [
  ...checks,
  nodeSuite('unit', ['server/src/**/*.test.ts', 'console/src/**/*.test.ts', 'scripts/**/*.test.ts']),
  nodeSuite('ports', ['server/test/ports/**/*.test.ts']),
  nodeSuite('wire', ['server/test/wire/**/*.test.ts']),
  pythonSuite('worker', '.venv', 'worker/tests'),
  pythonSuite('models', '.venv', 'models'),
  pythonSuite('interop boto3', '.venv-test', 'e2e/boto3'),
  pythonSuite('interop aws-cli', '.venv-test', 'e2e/aws-cli'),
  nodeSuite('crash', ['e2e/crash/**/*.test.ts'], { concurrency: 1, timeoutSeconds: 900 }),
  nodeSuite('browser', ['e2e/browser/**/*.test.ts'], { concurrency: 1 }),
  benchSuite('bench s3', process.execPath, ['bench/s3.ts']),
  benchSuite('bench lists', process.execPath, ['--no-warnings', 'bench/control-plane/lists.ts']),
  benchSuite('bench likeness', '.venv/bin/python', ['bench/likeness/run.py']),
  benchSuite('bench drift', '.venv/bin/python', ['bench/likeness/drift.py']),
  benchSuite('bench training', '.venv/bin/python', ['bench/training/run.py']),
  benchSuite('bench ingest', '.venv/bin/python', ['bench/ingest/run.py']),
];

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    full: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
  },
});

for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => {
    killRunningCommands();
    process.exit(130);
  });

const wanted = values.only?.split(',');
// `check` stands for all checks; `interop` for both clients.
const chosen = suites.filter(suite =>
  wanted === undefined
    ? values.full || !suite.full
    : wanted.some(name => suite.name === name || suite.name.startsWith(`${name} `)),
);
if (values.list || chosen.length === 0) {
  console.log(suites.map(suite => suite.name).join('\n'));
  process.exit(values.list ? 0 : 1);
}

const totals = { passed: 0, failed: 0, skipped: 0 };
const width = Math.max(...chosen.map(suite => suite.name.length));
for (const suite of chosen) {
  const startedAt = Date.now();
  const outcome: Outcome = await suite.run().catch(error => failed(String(error?.stack ?? error)));
  totals.passed += outcome.passed;
  totals.failed += outcome.failed;
  totals.skipped += outcome.skipped;
  const seconds = ((Date.now() - startedAt) / 1000).toFixed(1);
  const state = outcome.failed > 0 ? 'FAILED' : outcome.passed === 0 && outcome.skipped > 0 ? 'skipped' : 'ok';
  const counts = `${outcome.passed} passed, ${outcome.failed} failed${outcome.skipped > 0 ? `, ${outcome.skipped} skipped` : ''}`;
  if (outcome.report.trim() !== '') console.log(outcome.report.trimEnd().replaceAll(/^/gm, '    '));
  console.log(`${state.padEnd(7)} ${suite.name.padEnd(width)} ${seconds.padStart(6)} s  ${counts}`);
  for (const reason of outcome.skipReasons) console.log(`        skipped: ${reason}`);
}
console.log(
  `\n${totals.passed} passed, ${totals.failed} failed${totals.skipped > 0 ? `, ${totals.skipped} skipped` : ''}`,
);
process.exit(totals.failed > 0 ? 1 : 0);
