import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after } from 'node:test';
import {
  prepareWorkerLauncher,
  type WorkerLaunch,
  type WorkerLauncher,
} from '../../src/adapters/sandbox/worker-launcher.ts';
import { pythonPath, workerPath } from '../support/run-directory.ts';

const folder = mkdtempSync(join(tmpdir(), 'likeness-sandbox-'));
after(() => rmSync(folder, { recursive: true, force: true }));

async function launcher(): Promise<WorkerLauncher | string> {
  if (!existsSync(pythonPath)) return `there is no ${pythonPath}: run npm run setup`;
  try {
    return await prepareWorkerLauncher({ pythonPath, workerPath, sandbox: 'require' });
  } catch (error) {
    return (error as Error).message;
  }
}

/** Runs Python in place of the worker, in the worker's own sandbox. @returns what it printed */
function python(made: WorkerLauncher, script: string, more: Partial<WorkerLaunch> = {}): Promise<string> {
  const command = made.command({
    arguments: [],
    writable: [folder],
    readable: [],
    workingDirectory: folder,
    diesWithParent: true,
    ...more,
  });
  const before = command.arguments.slice(0, command.arguments.indexOf('-m'));
  return new Promise((resolve, reject) => {
    execFile(command.file, [...before, '-c', script], { env: command.environment }, (error, output, errors) =>
      error ? reject(new Error(errors)) : resolve(output.trim()),
    );
  });
}

test('A sandboxed worker', async suite => {
  const made = await launcher();
  if (typeof made === 'string') return suite.skip(made);

  await suite.test('has no network, not even to this machine, but what its launch shares', async () => {
    const server = createServer(socket => socket.end());
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const script = `
import socket
try:
    socket.create_connection(("127.0.0.1", ${port}), timeout=2); print("connected")
except OSError as error:
    print(type(error).__name__)`;
    assert.equal(await python(made, script), 'ConnectionRefusedError');
    assert.equal(await python(made, script, { sharesHostNetwork: true }), 'connected');
    server.close();
  });

  await suite.test('writes to its run directory, and nowhere else that lasts', async () => {
    const script = `
import os, sys
tried = {}
for place in (${JSON.stringify(folder)}, "/usr", sys.prefix, "/etc", os.path.dirname(__import__("likeness_worker").__file__), "/tmp"):
    try:
        open(os.path.join(place, "sandbox-probe"), "w").close(); tried[place] = "written"
    except OSError:
        tried[place] = "refused"
print(",".join(tried.values()))`;
    assert.equal(await python(made, script), 'written,refused,refused,refused,refused,written');
    assert.ok(existsSync(join(folder, 'sandbox-probe')));
    assert.ok(!existsSync('/tmp/sandbox-probe'));
  });

  await suite.test('sees neither other files, nor other processes, nor the environment of the server', async () => {
    const secret = join(tmpdir(), `likeness-secret-${process.pid}`);
    writeFileSync(secret, 'secret');
    process.env.LIKENESS_TEST_SECRET = 'secret';
    const script = `
import os
print(os.path.exists(${JSON.stringify(secret)}), os.path.exists("/etc/shadow"), "LIKENESS_TEST_SECRET" in os.environ,
      len([name for name in os.listdir("/proc") if name.isdigit()]) < 5)`;
    assert.equal(await python(made, script), 'False False False True');
    rmSync(secret);
  });

  await suite.test('imports all that a training needs', async () => {
    assert.equal(await python(made, 'import torch, diffusers, peft, likeness_worker.train; print("ok")'), 'ok');
  });
});
