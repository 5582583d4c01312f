// biome-ignore-all lint/suspicious/noTemplateCurlyInString: policy variables look like templates
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { compilePattern, matchesAtOnce, matchesPattern } from './pattern.ts';

function matches(pattern: string, value: string, variables: Record<string, string> = {}): boolean {
  const compiled = compilePattern(pattern, name => variables[name]);
  return compiled !== undefined && matchesPattern(compiled, value);
}

/** The obvious, exponential definition, to compare with. */
function slowly(pattern: string, value: string): boolean {
  if (pattern === '') return value === '';
  if (pattern[0] === '*') return slowly(pattern.slice(1), value) || (value !== '' && slowly(pattern, value.slice(1)));
  return value !== '' && (pattern[0] === '?' || pattern[0] === value[0]) && slowly(pattern.slice(1), value.slice(1));
}

describe('patterns', () => {
  const letters = (alphabet: string) =>
    fc.array(fc.constantFrom(...alphabet), { maxLength: 8 }).map(characters => characters.join(''));

  it('match as their definition says', () => {
    fc.assert(
      fc.property(letters('ab*?'), letters('ab'), (pattern, value) =>
        assert.equal(matches(pattern, value), slowly(pattern, value)),
      ),
      { numRuns: 2000 },
    );
  });

  it('match alike in both ways', () => {
    fc.assert(
      fc.property(letters('ab*?'), letters('ab'), (pattern, value) => {
        const compiled = compilePattern(pattern) ?? [];
        assert.equal(matchesAtOnce(compiled, value), matchesPattern(compiled, value));
      }),
      { numRuns: 2000 },
    );
  });

  it('match every text without wildcards against itself', () => {
    fc.assert(fc.property(fc.string(), text => text.includes('$') || /[*?]/.test(text) || matches(text, text)));
  });

  it('take the value of a variable as it is', () => {
    fc.assert(
      fc.property(fc.string(), value => {
        assert.equal(matches('a/${aws:username}/b', `a/${value}/b`, { 'aws:username': value }), true);
        if (value !== 'x') assert.equal(matches('${aws:username}', 'x', { 'aws:username': value }), false);
      }),
    );
  });

  it('answer in time for a pattern that would keep a RegExp busy for years', () => {
    const started = performance.now();
    assert.equal(matches(`${'*a'.repeat(5000)}b`, 'a'.repeat(20_000)), false);
    assert.equal(matches(`*${'a'.repeat(6000)}b`, 'a'.repeat(20_000)), false);
    assert.equal(matches(`*${'a'.repeat(6000)}?b`, `${'a'.repeat(20_000)}b`), true);
    assert.ok(performance.now() - started < 2000);
  });
});
