// `npm run demo|test|check|format`: sets up what the task needs, then runs it under the project's Node.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { projectRoot } from './setup/process.mjs';
import { reportSetupFailure, setUp } from './setup.mjs';

const tasks = {
  demo: { tests: false, script: 'server/likeness.js', scriptArguments: ['demo'] },
  test: { tests: true, script: 'scripts/test.ts', scriptArguments: [] },
  check: { tests: true, script: 'scripts/test.ts', scriptArguments: ['--only', 'check'] },
  format: { tests: true, script: 'scripts/format.ts', scriptArguments: [] },
};

const [name, ...rest] = process.argv.slice(2);
const task = tasks[name];
if (!task) {
  console.error(`run: there is no task "${name ?? ''}"; the tasks are ${Object.keys(tasks).join(', ')}.`);
  process.exit(1);
}

try {
  const { node, environment } = await setUp({ tests: task.tests });
  const child = spawn(node, [join(projectRoot, task.script), ...task.scriptArguments, ...rest], {
    cwd: projectRoot,
    env: environment,
    stdio: 'inherit',
  });
  // A terminal sends Ctrl-C to the child as well; waiting for it keeps its last words before the prompt.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
    process.on(signal, () => signal !== 'SIGINT' && child.kill(signal));
  child.on('error', error => reportSetupFailure(error));
  child.on('exit', (code, signal) => process.exit(signal ? 128 + 2 : (code ?? 1)));
} catch (error) {
  reportSetupFailure(error);
}
