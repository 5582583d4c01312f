import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Principal } from '../operation.ts';
import { federatedPrincipal, type Identity, rootPrincipal, sessionPrincipal, userPrincipal } from './identity.ts';
import { parsePrincipals, principalArns, reach } from './principal.ts';

const ACCOUNT = '123456789012';
const identity = (kind: Identity['kind'], name: string): Identity =>
  ({ ...{ id: `ID${name}`, kind, name, path: '/team/', accountId: ACCOUNT }, tags: {} }) as Identity;

const [ALICE, WORKER] = [identity('user', 'alice'), identity('role', 'worker')];
const PRINCIPALS: readonly Principal[] = [
  rootPrincipal(ACCOUNT),
  rootPrincipal('999988887777'),
  userPrincipal(ALICE),
  userPrincipal(identity('user', 'bob')),
  sessionPrincipal(WORKER, 'shift', {}),
  sessionPrincipal(WORKER, 'night', {}),
  federatedPrincipal(ACCOUNT, 'fed', ALICE),
  federatedPrincipal(ACCOUNT, 'fed', null),
  { type: 'service', arn: 'bedrock.amazonaws.com', accountId: '', userId: 'bedrock.amazonaws.com' },
  { type: 'anonymous', arn: '*', accountId: '', userId: '' },
];

describe('the ARNs of a principal', () => {
  it('are all, and only, those by which a policy reaches it', () => {
    const arns = new Set(
      PRINCIPALS.flatMap(({ arn, roleArn, accountId }) => [
        ...[arn, roleArn ?? arn].filter(name => name.startsWith('arn:')),
        ...(accountId === '' ? [] : [`arn:aws:iam::${accountId}:root`]),
      ]),
    );
    assert.equal(arns.size, 8);
    for (const principal of PRINCIPALS) {
      const reaching = [...arns].filter(
        AWS => reach(parsePrincipals({ AWS }, false, 'Statement 1'), principal) !== 'none',
      );
      assert.deepEqual(new Set(principalArns(principal)), new Set(reaching), principal.arn);
    }
  });
});
