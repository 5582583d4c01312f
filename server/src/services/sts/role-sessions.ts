import { conditionContext } from '../../domain/access/context.ts';
import { parsePolicy } from '../../domain/access/document.ts';
import { evaluate } from '../../domain/access/evaluate.ts';
import { sessionPrincipal } from '../../domain/access/identity.ts';
import { issueSession } from '../../domain/access/session.ts';
import type { Call } from '../../domain/call.ts';
import { Fault } from '../../domain/fault.ts';
import type { Principal } from '../../domain/operation.ts';
import type { RoleSessions } from '../../ports/customer-data.ts';
import type { Trail } from '../../ports/trail.ts';
import { findRole } from './assume-role.ts';
import type { StsDependencies } from './dependencies.ts';

const HOUR_SECONDS = 3600;

type Request = Parameters<RoleSessions['assumeForService']>[0];

/**
 * Sessions that a service takes for itself: the trust policy alone decides, with aws:SourceAccount and aws:SourceArn, and
 * the role's own policies bound what the session may do, as with any caller. Each leaves the entry in the audit trail that
 * AWS's services leave in CloudTrail.
 */
export function createRoleSessions(deps: StsDependencies & { trail: Pick<Trail, 'record'> }): RoleSessions {
  return {
    async assumeForService(request) {
      try {
        const { session, responseElements } = await assume(deps, request);
        await deps.trail.record(callOf(deps, request, { responseElements, error: undefined }));
        return session;
      } catch (error) {
        if (error instanceof Fault && error.kind === 'denied') {
          const said = { code: 'AccessDenied', message: error.message };
          await deps.trail.record(callOf(deps, request, { responseElements: null, error: said }));
        }
        throw error;
      }
    },
  };
}

async function assume(deps: StsDependencies, request: Request) {
  const { roleArn, servicePrincipal, sourceAccountId, sourceArn, region, sessionName } = request;
  const denied = (why: string): Fault =>
    new Fault('denied', `${servicePrincipal} may not assume ${roleArn}: ${why}`, { resource: roleArn });
  const role = await findRole(deps, roleArn);
  if (role === undefined || role.trustPolicy === null) throw denied('there is no such role.');
  // AWS: a service acts for one account with that account's own roles only.
  if (role.accountId !== sourceAccountId) throw denied('the role belongs to another account.');
  const service = serviceOf(request);
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
  const { arn, userId: assumedRoleId } = sessionPrincipal(role, sessionName, {});
  const { accessKeyId, expiresAt } = session;
  return {
    session: { ...session, accountId: role.accountId, region },
    // By its key a reader finds what the session did.
    responseElements: {
      credentials: { accessKeyId, expiration: expiresAt.toISOString() },
      assumedRoleUser: { assumedRoleId, arn },
    },
  };
}

function serviceOf({ servicePrincipal }: Request): Principal {
  return { type: 'service', arn: servicePrincipal, accountId: '', userId: servicePrincipal };
}

/** AWS: a service's own call names the service where another's has an address and a client. */
function callOf(
  { ids, time }: StsDependencies,
  request: Request,
  outcome: Pick<Call, 'responseElements' | 'error'>,
): Call {
  const { roleArn, servicePrincipal, sourceAccountId, region, sessionName, durationSeconds } = request;
  return {
    ...{ requestId: ids.uuid(), at: time.now(), service: 'sts', operation: 'AssumeRole', region },
    ...{ principal: serviceOf(request), accessKeyId: undefined, bearer: false },
    ...{ sourceIp: servicePrincipal, sourceVpce: undefined, userAgent: servicePrincipal },
    questions: [{ resource: roleArn, resourceAccountId: sourceAccountId }],
    requestParameters: { roleArn, roleSessionName: sessionName, ...(durationSeconds && { durationSeconds }) },
    ...outcome,
  };
}
