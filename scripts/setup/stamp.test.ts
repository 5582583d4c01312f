import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { projectRoot, refuseLink } from './process.mjs';
import { inputsHash, isStamped, writeStamp } from './stamp.mjs';

describe('a stamp', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'likeness-stamp-'));
    writeFileSync(join(folder, 'input'), 'one');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('vouches for an installation until one of its inputs changes', () => {
    const hash = () => inputsHash([join(folder, 'input'), join(folder, 'absent')], ['--flag']);
    const stamp = join(folder, 'stamp');
    assert.equal(isStamped(stamp, hash()), false);
    writeStamp(stamp, hash());
    assert.equal(isStamped(stamp, hash()), true);
    writeFileSync(join(folder, 'input'), 'two');
    assert.equal(isStamped(stamp, hash()), false);
  });

  it('is another one for other arguments', () => {
    assert.notEqual(inputsHash([], ['a']), inputsHash([], ['b']));
  });
});

describe('the setup', () => {
  it('runs under Node 20 as it stands: plain JavaScript that imports nothing but node: and itself', () => {
    const listing = execFileSync('git', ['ls-files', 'scripts/setup.mjs', 'scripts/run.mjs', 'scripts/setup/*.mjs'], {
      cwd: projectRoot,
      encoding: 'utf8',
    });
    const imports = execFileSync('grep', ['-hoE', "from '[^']+'", ...listing.trim().split('\n')], {
      cwd: projectRoot,
      encoding: 'utf8',
    });
    for (const line of imports.trim().split('\n')) assert.match(line, /^from '(node:|\.{1,2}\/.*\.mjs')/);
  });

  it('installs into no folder that is a link to one elsewhere', () => {
    const folder = mkdtempSync(join(tmpdir(), 'likeness-link-'));
    const link = join(folder, 'node_modules');
    refuseLink(link);
    refuseLink(folder);
    symlinkSync(tmpdir(), link);
    assert.throws(() => refuseLink(link), /is a link to .*Remove the link and run npm run setup again/);
    rmSync(folder, { recursive: true });
  });

  it('leaves the choice of package registries to the machine: no file names the host of one', () => {
    const hosts = ['npmjs', 'yarnpkg'].map(name => `registry\\.${name}`).concat('pypi\\.or[g]', 'pythonhoste[d]');
    const found = execFileSync('sh', ['-c', `git grep -lIE '${hosts.join('|')}' || true`], {
      cwd: projectRoot,
      encoding: 'utf8',
    });
    assert.equal(found, '');
  });
});
