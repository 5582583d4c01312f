#!/usr/bin/env node
// `likeness`: plain JavaScript that any Node from 18 on can run. The program itself is TypeScript for Node 22.18 and
// later: where this Node is older, the one that the setup fetched takes over.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const projectRoot = resolve(fileURLToPath(import.meta.url), '../..');

function needsSetup() {
  console.error(`likeness: the project is not set up. Run this first, in ${projectRoot}: npm run setup`);
  process.exit(1);
}

const [major, minor] = process.versions.node.split('.').map(Number);
if (!existsSync(join(projectRoot, 'node_modules', 'commander'))) needsSetup();
else if (major > 22 || (major === 22 && minor >= 18)) {
  const { runProgram } = await import('./src/cli/program.ts');
  await runProgram(process.argv);
} else {
  const { pinnedNodePath } = await import('../scripts/setup/node.mjs');
  const node = pinnedNodePath();
  if (!node || !existsSync(node)) needsSetup();
  // The fourth stream is only there to close when this process dies: the server then stops too, even after kill -9.
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  });
  // A terminal sends Ctrl-C to both; `up` takes two stop signals within a second for one.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('error', error => {
    console.error(`likeness: ${node} could not be started: ${error.message}`);
    process.exit(1);
  });
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}
