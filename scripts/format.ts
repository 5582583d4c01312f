// `npm run format`: rewrites sources as `npm run check` wants them.
import { join } from 'node:path';
import { projectRoot } from './setup/process.mjs';
import { runCommand } from './suites/suite.ts';

const ruff = join(projectRoot, '.venv-test/bin/ruff');
const commands: [string, string[]][] = [
  [join(projectRoot, 'node_modules/.bin/biome'), ['check', '--write']],
  [ruff, ['check', '--fix', '--quiet', 'worker', 'models', 'bench', 'e2e', 'scripts']],
  [ruff, ['format', '--quiet', 'worker', 'models', 'bench', 'e2e', 'scripts']],
];
let failures = 0;
for (const [command, commandArguments] of commands) {
  const { code, output } = await runCommand(command, commandArguments);
  if (output.trim()) console.log(output.trimEnd());
  if (code !== 0) failures += 1;
}
process.exit(failures > 0 ? 1 : 0);
