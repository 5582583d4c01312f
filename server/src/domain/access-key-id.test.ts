import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import { accountOfAccessKeyId, newAccessKeyId } from './access-key-id.ts';

describe('access key ids', () => {
  it('tell their account, whatever the random bits', () => {
    for (const accountId of ['000000000001', '123456789012', '999999999999'])
      for (const bytes of [
        () => Buffer.alloc(10),
        () => Buffer.alloc(10, 255),
        (length: number) => randomBytes(length),
      ]) {
        const id = newAccessKeyId('ASIA', accountId, { bytes });
        assert.match(id, /^ASIA[A-Z2-7]{16}$/);
        assert.equal(accountOfAccessKeyId(id), accountId);
      }
  });

  // AWS: the account of this id has been published as an example of the scheme.
  it("are read as AWS's are", () => {
    assert.equal(accountOfAccessKeyId('ASIAQNZGKIQY56JQ7WML'), '029608264753');
    assert.equal(accountOfAccessKeyId('AKIAIOSFODNN7EXAMPL1'), undefined);
  });
});
