import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { projectRoot } from '../setup/process.mjs';
import { cruise, textViolations } from './boundaries.ts';
import { violationsOf } from './sizes.ts';

const planted: Record<string, [file: string, text: string]> = {
  'domain-is-pure': ['domain/rule.ts', "import '../ports/store.ts';"],
  'domain-has-no-io': ['domain/reads.ts', "import { readFileSync } from 'node:fs';\nreadFileSync('x');"],
  'ports-name-domain-types': ['ports/compute.ts', "import type { A } from '../wire/a.ts';\nexport type B = A;"],
  'services-use-ports': ['services/bedrock/jobs.ts', "import { a } from '../../wire/a.ts';\na();"],
  'reconcile-uses-ports': ['reconcile/training.ts', "import { a } from '../services/s3/a.ts';\na();"],
  'adapters-implement-ports': ['adapters/files/a.ts', "import { a } from '../../services/s3/a.ts';\na();"],
  'wire-knows-no-feature': ['wire/b.ts', "import { a } from '../services/s3/a.ts';\na();"],
  'http-stands-before-wire': ['http/a.ts', "import { a } from '../services/s3/a.ts';\na();"],
  'only-main-names-adapters': ['cli/up.ts', "import { a } from '../adapters/files/b.ts';\na();"],
  'services-stand-alone': ['services/iam/a.ts', "import { a } from '../s3/a.ts';\na();"],
  'no-cycles': ['ports/one.ts', "import type { Two } from './two.ts';\nexport type One = Two;"],
};

const innocents: Record<string, string> = {
  'ports/store.ts': 'export {};',
  'ports/two.ts': "import type { One } from './one.ts';\nexport type Two = One;",
  'wire/a.ts': 'export type A = string;\nexport function a() {}',
  'services/s3/a.ts': 'export function a() {}',
  'adapters/files/b.ts': 'export function a() {}',
};

describe('the boundaries', () => {
  let root: string;
  let violations: string[];

  before(async () => {
    root = mkdtempSync(join(tmpdir(), 'likeness-boundaries-'));
    cpSync(join(projectRoot, 'tsconfig.json'), join(root, 'tsconfig.json'));
    for (const [file, text] of [...Object.values(planted), ...Object.entries(innocents)]) {
      const path = join(root, 'server/src', file);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, `${text}\n`);
    }
    ({ violations } = await cruise(['server/src'], root));
  });
  after(() => rmSync(root, { recursive: true, force: true }));

  for (const [rule, [file]] of Object.entries(planted))
    it(`${rule} finds the violation planted in ${file}`, () => {
      assert.ok(
        violations.some(line => line.startsWith(`${rule}: server/src/${file} `)),
        `found only:\n${violations.join('\n')}`,
      );
    });

  it('a client of the AWS SDK outside wire is found, a type is not', () => {
    const path = 'server/src/services/s3/objects.ts';
    assert.equal(textViolations(path, "import { S3Client } from '@aws-sdk/client-s3';").length, 1);
    assert.equal(textViolations(path, "import type { S3Client } from '@aws-sdk/client-s3';").length, 0);
    assert.equal(textViolations('server/src/wire/a.ts', "import { x } from '@smithy/core';").length, 0);
  });

  it('reading the environment outside config.ts is found', () => {
    assert.equal(textViolations('server/src/main.ts', 'const x = process.env.HOME;').length, 1);
  });
});

describe('sizes', () => {
  it('refuses 500 lines and four folders below a workspace', () => {
    assert.deepEqual(violationsOf('server/src/services/bedrock/a.ts', 499), []);
    assert.equal(violationsOf('server/src/services/bedrock/a.ts', 500).length, 1);
    assert.equal(violationsOf('server/src/services/bedrock/deep/a.ts', 10).length, 1);
  });
});
