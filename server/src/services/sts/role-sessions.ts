import { conditionContext } from '../../domain/access/context.ts';
import { parsePolicy } from '../../domain/access/document.ts';
import { evaluate } from '../../domain/access/evaluate.ts';
import { issueSession } from '../../domain/access/session.ts';
import { Fault } from '../../domain/fault.ts';
import type { Principal } from '../../domain/operation.ts';
import type { RoleSessions } from '../../ports/customer-data.ts';
import { findRole } from './assume-role.ts';
import type { StsDependencies } from './dependencies.ts';

const HOUR_SECONDS = 3600;

/**
 * Sessions that a service takes for itself: the trust policy alone decides, with aws:SourceAccount and aws:SourceArn, and
 * the role's own policies bound what the session may do, as with any caller.
 */
export function createRoleSessions(deps: StsDependencies): RoleSessions {
  return {
    async assumeForService(request) {
      const { roleArn, servicePrincipal, sourceAccountId, sourceArn, region, sessionName } = request;
      const denied = (why: string): Fault =>
        new Fault('denied', `${servicePrincipal} may not assume ${roleArn}: ${why}`, { resource: roleArn });
      const role = await findRole(deps, roleArn);
      if (role === undefined || role.trustPolicy === null) throw denied('there is no such role.');
      // AWS: a service acts for one account with that account's own roles only.
      if (role.accountId !== sourceAccountId) throw denied('the role belongs to another account.');
      const service: Principal = { type: 'service', arn: servicePrincipal, accountId: '', userId: servicePrincipal };
      const now = deps.time.now();
      const decision = evaluate({
        principal: service,
        action: 'sts:AssumeRole',
        resource: roleArn,
        context: conditionContext(
          service,
          { now, region },
          {
            'aws:SourceAccount': sourceAccountId,
            'aws:SourceArn': sourceArn,
            'sts:RoleSessionName': sessionName,
          },
        ),
        resourceAccountId: role.accountId,
        identityPolicies: [],
        resourcePolicy: parsePolicy(role.trustPolicy, { kind: 'stored' }),
      });
      if (!decision.allowed)
        throw denied(
          decision.explicit
            ? 'its trust policy denies the service.'
            : 'its trust policy does not allow the service (with this aws:SourceAccount and aws:SourceArn).',
        );
      const seconds = Math.min(request.durationSeconds ?? HOUR_SECONDS, role.maximumSessionSeconds ?? HOUR_SECONDS);
      const session = issueSession(deps, {
        accountId: role.accountId,
        identityId: role.id,
        sessionName,
        sessionPolicies: [],
        tags: {},
        sourceIdentity: null,
        issuedAt: now.getTime(),
        expiresAt: now.getTime() + seconds * 1000,
      });
      return { ...session, accountId: role.accountId, region };
    },
  };
}
