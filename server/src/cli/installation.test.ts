import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { readConfig } from '../config.ts';
import { CliFailure } from './failure.ts';
import { onInstallation } from './installation.ts';

function onFolder(context: TestContext, prepare: (folder: string) => void, then: () => Promise<unknown>) {
  const dataDirectory = mkdtempSync(join(tmpdir(), 'likeness-installation-'));
  context.after(() => rmSync(dataDirectory, { recursive: true }));
  prepare(dataDirectory);
  const server = () => assert.fail('No server runs on it.');
  return onInstallation(readConfig({}, { dataDirectory }), { server, folder: then });
}

test('a folder that cannot be taken is told in one line, with the reason of the system', async context => {
  const inTheWay = (folder: string) => mkdirSync(join(folder, 'lock'));
  await assert.rejects(
    onFolder(context, inTheWay, async () => undefined),
    (error: Error) => error instanceof CliFailure && /cannot be used: EISDIR/.test(error.message),
  );
});

test('what is wrong with a folder is told in one line, and a bug of ours with its stack', async context => {
  const failing = (error: Error) =>
    onFolder(
      context,
      () => undefined,
      () => Promise.reject(error),
    );
  await assert.rejects(failing(new Error('its rows were lost')), (error: Error) => error instanceof CliFailure);
  await assert.rejects(failing(new TypeError('undefined')), TypeError);
});
