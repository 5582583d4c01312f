import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { checkFirstLoad } from './first-load.ts';

test('What is loaded before a page is counted once, styles included, and pages are not', async context => {
  const folder = mkdtempSync(join(tmpdir(), 'likeness-first-load-'));
  context.after(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, '.vite'));
  const manifest = {
    'index.html': { file: 'index.js', css: ['index.css'], imports: ['shared'] },
    shared: { file: 'shared.js' },
    'src/app/shell.tsx': { file: 'shell.js', imports: ['shared', 'index.html'] },
    'src/pages/s3/buckets.tsx': { file: 'buckets.js', imports: ['shared'] },
  };
  writeFileSync(join(folder, '.vite/manifest.json'), JSON.stringify(manifest));
  const sizes = { 'index.js': 100, 'index.css': 20, 'shared.js': 300, 'shell.js': 80, 'buckets.js': 5000 };
  for (const [file, bytes] of Object.entries(sizes)) writeFileSync(join(folder, `${file}.gz`), Buffer.alloc(bytes));

  assert.deepEqual(await checkFirstLoad(folder, 500), []);
  const [problem = ''] = await checkFirstLoad(folder, 499);
  assert.match(problem, /first load is 0\.5 kB.*shared\.js 0\.3 kB/);
  assert.match((await checkFirstLoad(join(folder, 'nothing')))[0] ?? '', /run npm run setup/);
});
