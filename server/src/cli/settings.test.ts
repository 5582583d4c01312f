import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isLoopback } from '../config.ts';
import { describe as describeFinding } from './doctor.ts';
import { shellLines } from './env.ts';
import { settings } from './settings.ts';

describe('settings', () => {
  it('take flags over environment over defaults', () => {
    assert.equal(settings({}, {}).port, 4747);
    assert.equal(settings({}, { LIKENESS_PORT: '5000' }).port, 5000);
    assert.equal(settings({ port: '0' }, { LIKENESS_PORT: '5000' }).port, 0);
  });

  it('name the flag, or the variable, that holds a wrong value', () => {
    assert.throws(
      () => settings({ port: 'x' }, {}),
      /^Error: --port must be a whole number from 0 to 65535; it is "x"\.$/,
    );
    assert.throws(() => settings({}, { LIKENESS_PORT: '70000' }), /LIKENESS_PORT must be/);
    assert.throws(() => settings({ logLevel: 'loud' }, {}), /--log-level must be one of/);
    assert.throws(() => settings({ data: '' }, {}), /--data must name a folder/);
  });

  it('know which addresses only this machine can reach', () => {
    for (const host of ['127.0.0.1', '127.8.8.8', '::1', 'localhost']) assert.equal(isLoopback(host), true, host);
    for (const host of ['0.0.0.0', '::', '192.168.1.2', '127.example.org']) assert.equal(isLoopback(host), false, host);
  });
});

describe('what commands print', () => {
  it('export lines survive any character, and drop what would sign for another account', () => {
    const lines = shellLines({ AWS_SECRET_ACCESS_KEY: "a'b$c" }).split('\n');
    assert.equal(lines[0], `export AWS_SECRET_ACCESS_KEY='a'\\''b$c'`);
    assert.match(lines[1] ?? '', /^unset AWS_SESSION_TOKEN AWS_PROFILE/);
  });

  it('a finding says how to mend it', () => {
    assert.equal(
      describeFinding({ state: 'failure', what: 'x is missing', mend: 'Get x.' }),
      '✗ x is missing\n    Get x.',
    );
    assert.equal(describeFinding({ state: 'ok', what: 'x' }), '✓ x');
  });
});
