import { conditionContext, requestTagConditions } from '../../domain/access/context.ts';
import { type PolicyDocument, type PolicyKind, parsePolicy } from '../../domain/access/document.ts';
import { type Decision, evaluate } from '../../domain/access/evaluate.ts';
import { identityIdOf } from '../../domain/access/identity.ts';
import { awsManagedPolicy } from '../../domain/access/managed-policies.ts';
import { Fault } from '../../domain/fault.ts';
import type { AccessRequest, Principal, RequestContext } from '../../domain/operation.ts';
import type { Store } from '../../ports/store.ts';
import type { IamRows } from '../../ports/store-iam.ts';

/**
 * Passes when every question is allowed. @throws Fault denied with AWS's text for the first that is not
 * @param input the operation's, for the tags that it names
 */
export type Authorizer = (requests: readonly AccessRequest[], ctx: RequestContext, input?: object) => Promise<void>;

const FOR_NO_FEDERATED: ReadonlySet<string> = new Set(['iam', 'sts']);

/** Parsed documents kept by their text; policies are few and asked for with every request. */
const CACHE_LIMIT = 2000;

/** @param deps.store where the principals' policies are */
export function createAuthorizer(deps: { store: Store }): Authorizer {
  const parse = cachedParser();
  return async (requests, ctx, input) => {
    const { principal } = ctx;
    // AWS: a federated user calls nothing of IAM, and of STS GetCallerIdentity alone.
    if (principal.type === 'federatedUser' && FOR_NO_FEDERATED.has(ctx.service) && requests.length > 0)
      throw new Fault('denied', 'The security token included in the request is invalid', {
        code: 'InvalidClientTokenId',
      });
    const first = requests[0];
    if (first === undefined) {
      // GetCallerIdentity: any caller at all, but a caller.
      if (principal.type === 'anonymous')
        throw denied(principal, ctx, `${ctx.service}:${ctx.operation}`, { resource: '*' }, undefined);
      return;
    }
    const inForce = await deps.store.read(rows => loadPolicies(rows.iam, principal));
    const identityPolicies = inForce.identity.map(text => parse(text, 'attached'));
    const sessionPolicies = inForce.session?.map(text => parse(text, 'attached'));
    const boundary = inForce.boundary === undefined ? undefined : parse(inForce.boundary, 'attached');
    const tags = input && requestTagConditions(input);
    for (const request of requests) {
      const action = request.action ?? `${ctx.service}:${ctx.operation}`;
      const resourceAccountId = request.resourceAccountId ?? principal.accountId;
      const decision = evaluate({
        principal,
        action,
        resource: request.resource,
        context: conditionContext(principal, ctx, { ...tags, ...request.conditions }, resourceAccountId),
        resourceAccountId,
        identityPolicies,
        sessionPolicies,
        boundary,
        resourcePolicy: request.resourcePolicy === undefined ? undefined : parse(request.resourcePolicy, 'stored'),
        resourcePolicyMustAllow: request.resourcePolicyMustAllow ?? false,
      });
      if (!decision.allowed) throw denied(principal, ctx, action, request, decision);
    }
  };
}

interface PoliciesInForce {
  identity: string[];
  session: string[] | undefined;
  boundary: string | undefined;
}

/** Every policy document that bears on what a principal may do, as stored. */
async function loadPolicies(rows: IamRows, principal: Principal): Promise<PoliciesInForce> {
  const id = identityIdOf(principal);
  const identity = id === undefined ? undefined : await rows.identityById(id);
  const session = principal.sessionPolicies && (await sessionDocuments(rows, principal.sessionPolicies));
  if (id === undefined || identity === undefined) return { identity: [], session, boundary: undefined };
  const owners = [id, ...(identity.kind === 'user' ? await rows.groupIdsOf(id) : [])];
  const policies = await rows.policiesOn(owners);
  const documents = policies.flatMap(
    ({ arn, document }) => document ?? awsManagedPolicy(arn ?? '')?.version.document ?? [],
  );
  return {
    identity: documents,
    session,
    // A boundary whose policy is gone allows nothing.
    boundary:
      identity.boundaryArn === null ? undefined : ((await managedDocument(rows, identity.boundaryArn)) ?? NOTHING),
  };
}

/** A document that allows nothing, where a bound was set and its policy has gone. */
const NOTHING = JSON.stringify({ Version: '2012-10-17', Statement: { Effect: 'Deny', Action: '*', Resource: '*' } });

async function sessionDocuments(rows: IamRows, policies: readonly string[]): Promise<string[]> {
  const documents: string[] = [];
  for (const policy of policies)
    documents.push(policy.startsWith('arn:') ? ((await managedDocument(rows, policy)) ?? NOTHING) : policy);
  return documents;
}

async function managedDocument(rows: IamRows, arn: string): Promise<string | undefined> {
  const ofAws = awsManagedPolicy(arn);
  if (ofAws !== undefined) return ofAws.version.document;
  const policy = await rows.policy(arn);
  return policy && (await rows.policyVersion(arn, policy.defaultVersion))?.document;
}

function cachedParser(): (text: string, kind: PolicyKind) => PolicyDocument {
  const cache = new Map<string, PolicyDocument>();
  return (text, kind) => {
    const key = `${kind} ${text}`;
    const known = cache.get(key);
    if (known !== undefined) return known;
    const parsed = parsePolicy(text, { kind });
    if (cache.size >= CACHE_LIMIT) cache.clear();
    cache.set(key, parsed);
    return parsed;
  };
}

/** The text that AWS answers, which people paste into search engines and policy tools. */
function denied(
  principal: Principal,
  ctx: RequestContext,
  action: string,
  { resource, refusalHeaders: headers = {} }: AccessRequest,
  decision: (Decision & { allowed: false }) | undefined,
): Fault {
  // AWS: anonymous callers of S3 learn nothing more.
  if (principal.type === 'anonymous') return new Fault('denied', 'Access Denied', { resource, headers });
  const quoted = ctx.service === 's3' ? `"${resource}"` : resource;
  const what = `User: ${principal.arn} is not authorized to perform: ${action} on resource: ${quoted}`;
  if (decision === undefined) return new Fault('denied', what, { resource, headers });
  const article = decision.source.startsWith('identity') ? 'an' : 'a';
  const why = decision.explicit
    ? `with an explicit deny in ${article} ${decision.source}`
    : `because no ${decision.source} allows the ${action} action`;
  return new Fault('denied', `${what} ${why}`, { resource, headers });
}
