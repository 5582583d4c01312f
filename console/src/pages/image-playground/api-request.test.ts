import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { commandLine, javaScript, keysCommand, PictureFile, python } from './api-request.ts';
import { initialSettings, requestBody } from './request.ts';

const common = { endpoint: 'http://127.0.0.1:4747', region: 'us-east-1', modelId: 'likeness.art-v1' };
const AWKWARD = `it's "Ron" \`the\` $dog\nwith a \\ and é and $(touch ran)`;

/** What the shell's lines before the call write into request.json. */
function requestOfShell(code: string, folder: string): unknown {
  execFileSync('bash', ['-euc', code.slice(0, code.indexOf('\naws '))], { cwd: folder });
  return JSON.parse(readFileSync(join(folder, 'request.json'), 'utf8'));
}

test('The shell writes the very body that the page sends, whatever the prompt holds, pictures included', context => {
  const folder = mkdtempSync(join(tmpdir(), 'likeness-request-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const text = { ...initialSettings, prompt: AWKWARD };
  const body = requestBody(text, { images: [], mask: undefined });
  assert.deepEqual(requestOfShell(commandLine({ ...common, body }), folder), body);

  writeFileSync(join(folder, 'input-1.png'), 'picture');
  const variations = { ...text, action: 'variations' as const };
  const withFile = requestBody(variations, { images: [new PictureFile('input-1.png')], mask: undefined });
  const sent = requestBody(variations, { images: [btoa('picture')], mask: undefined });
  assert.deepEqual(requestOfShell(commandLine({ ...common, body: withFile }), folder), sent);
});

test('Python and JavaScript say the same body', () => {
  const body = requestBody({ ...initialSettings, prompt: AWKWARD }, { images: [], mask: undefined });
  const spoken = /const body = (\{[\s\S]*?\n\});/.exec(javaScript({ ...common, body }))?.[1] ?? '';
  assert.deepEqual(JSON.parse(spoken), body);
  const inPython = /^body = (\{[\s\S]*?\n\})$/m.exec(python({ ...common, body }))?.[1] ?? '';
  assert.deepEqual(JSON.parse(inPython), body);
});

test('Python reads the files that the request names', () => {
  const settings = { ...initialSettings, action: 'removeBackground' as const };
  const body = requestBody(settings, { images: [new PictureFile('input-1.png')], mask: undefined });
  const code = python({ ...common, body });
  assert.match(code, /"image": picture\("input-1\.png"\)/);
  assert.match(code, /def picture\(name\):/);
});

test('The command for the keys names the data folder as a shell reads it', () => {
  assert.equal(keysCommand('/srv/likeness'), 'npx --no-install likeness env --data /srv/likeness');
  for (const folder of ["/srv/ron's data", '/srv/$(touch ran)', '/srv/größe'])
    assert.equal(
      execFileSync('bash', ['-euc', `npx() { printf %s "$5"; }; ${keysCommand(folder)}`], { encoding: 'utf8' }),
      folder,
    );
});
