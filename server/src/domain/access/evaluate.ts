import type { Principal } from '../operation.ts';
import { type ConditionContext, conditionsHold } from './condition.ts';
import type { PatternList, PolicyDocument, Statement } from './document.ts';
import { isRoot } from './identity.ts';
import { compilePattern, matchesAction, matchesPattern, type Variables } from './pattern.ts';
import { type Reach, reach } from './principal.ts';

/** One question: may this principal do this to that, with these policies in force? */
export interface Question {
  principal: Principal;
  /** `s3:GetObject`. */
  action: string;
  /** An ARN, or `*` where the action knows no resource. */
  resource: string;
  context: ConditionContext;
  /** '' where the resource belongs to nobody (an account-less ARN): the caller's own account counts. */
  resourceAccountId: string;
  identityPolicies: readonly PolicyDocument[];
  resourcePolicy?: PolicyDocument | undefined;
  /** KMS keys and trust policies: identity policies count only where the resource's policy lets the account decide. */
  resourcePolicyMustAllow?: boolean;
  /** Together they bound what a role session may do; undefined: no bound. */
  sessionPolicies?: readonly PolicyDocument[] | undefined;
  /** Permissions boundary of the user or role; undefined: no bound. */
  boundary?: PolicyDocument | undefined;
}

export type PolicySource =
  | 'identity-based policy'
  | 'resource-based policy'
  | 'session policy'
  | 'permissions boundary';

export type Decision =
  | { allowed: true }
  /** `explicit`: a Deny statement in `source` matched. Otherwise `source` is where an Allow was missing. */
  | { allowed: false; explicit: boolean; source: PolicySource };

/** Which statements of some policies bear on a question, and how strongly an Allow among them reaches the caller. */
export interface Finding {
  /** In the order of policies and statements. */
  matched: readonly { policy: PolicyDocument; statement: Statement }[];
  denied: boolean;
  reach: Reach;
}

/** A decision with what it was made of; a bound that is not there is undefined. */
export interface Weighing {
  decision: Decision;
  identity: Finding;
  resource: Finding;
  session: Finding | undefined;
  boundary: Finding | undefined;
}

/**
 * AWS's evaluation logic: an explicit deny anywhere wins; within an account an identity policy or the resource's own
 * policy must allow; across accounts both must. Session policies and the boundary only take away.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
 */
export function evaluate(question: Question): Decision {
  return weigh(question).decision;
}

/** The same with its reasons, for the policy simulator. */
export function weigh(question: Question): Weighing {
  const { identityPolicies, sessionPolicies, boundary, resourcePolicy } = question;
  const found = {
    identity: examine(identityPolicies, question),
    resource: examine(resourcePolicy ? [resourcePolicy] : [], question),
    session: sessionPolicies && examine(sessionPolicies, question),
    boundary: boundary && examine([boundary], question),
  };
  return { ...found, decision: decide(question, found) };
}

function decide(question: Question, found: Omit<Weighing, 'decision'>): Decision {
  const { principal } = question;
  const { identity, resource, session, boundary } = found;
  const deny = (source: PolicySource): Decision => ({ allowed: false, explicit: true, source });
  if (identity.denied) return deny('identity-based policy');
  if (session?.denied) return deny('session policy');
  if (boundary?.denied) return deny('permissions boundary');
  if (resource.denied && !rootMayRescue(question)) return deny('resource-based policy');

  // The root user has no identity policies; within its account nothing but a resource's policy can stop it.
  const identityReaches = isRoot(principal) || identity.reach !== 'none';
  const sessionAllows = session === undefined || session.reach !== 'none';
  const boundAllows = boundary === undefined || boundary.reach !== 'none';
  const identityAllows = identityReaches && sessionAllows && boundAllows;

  const missing = (source: PolicySource): Decision => ({ allowed: false, explicit: false, source });
  const missingIdentity = (): Decision =>
    missing(!identityReaches ? 'identity-based policy' : boundAllows ? 'session policy' : 'permissions boundary');

  if (principal.type === 'anonymous' || principal.type === 'service')
    return resource.reach === 'direct' ? { allowed: true } : missing('resource-based policy');
  if (question.resourceAccountId !== '' && question.resourceAccountId !== principal.accountId) {
    if (!identityAllows) return missingIdentity();
    return resource.reach !== 'none' ? { allowed: true } : missing('resource-based policy');
  }
  // A grant to a role is bounded like the role's own policies; one to the user or the session itself is not.
  if (resource.reach === 'direct' || (resource.reach === 'role' && sessionAllows && boundAllows))
    return { allowed: true };
  if (question.resourcePolicyMustAllow && resource.reach === 'none') return missing('resource-based policy');
  return identityAllows ? { allowed: true } : missingIdentity();
}

/** AWS: the owner's root user can always read, replace and delete a bucket policy, even one that denies everybody. */
function rootMayRescue({ principal, resourceAccountId, action }: Question): boolean {
  return (
    principal.type === 'root' &&
    principal.accountId === resourceAccountId &&
    /^s3:(Get|Put|Delete)BucketPolicy$/.test(action)
  );
}

const STRENGTHS: readonly Reach[] = ['none', 'account', 'role', 'direct'];

function examine(policies: readonly PolicyDocument[], question: Question): Finding {
  const matched: { policy: PolicyDocument; statement: Statement }[] = [];
  let denied = false;
  let strongest: Reach = 'none';
  for (const policy of policies) {
    const variables: Variables | undefined =
      policy.version === '2012-10-17' ? name => singleValue(question.context, name) : undefined;
    for (const statement of policy.statements) {
      const reaches = statement.principals ? reach(statement.principals, question.principal) : 'direct';
      if (reaches === 'none' || !applies(statement, question, variables)) continue;
      matched.push({ policy, statement });
      if (statement.effect === 'Deny') denied = true;
      else if (STRENGTHS.indexOf(reaches) > STRENGTHS.indexOf(strongest)) strongest = reaches;
    }
  }
  return { matched, denied, reach: strongest };
}

/** Whether a statement is about the question's action, and could be about its caller and resource, whatever the context. */
export function concerns(statement: Statement, question: Question): boolean {
  const { actions, resources, principals } = statement;
  if (principals !== undefined && reach(principals, question.principal) === 'none') return false;
  if (actions.patterns.some(pattern => matchesAction(pattern, question.action)) === actions.not) return false;
  if (resources === undefined || resources.not) return true;
  // A variable may have any value.
  return resources.patterns.some(text => {
    const pattern = compilePattern(text.replace(/\$\{[^}*?$]+\}/g, '*'));
    return pattern !== undefined && matchesPattern(pattern, question.resource);
  });
}

function applies(statement: Statement, question: Question, variables: Variables | undefined): boolean {
  const { actions, resources, conditions } = statement;
  if (actions.patterns.some(pattern => matchesAction(pattern, question.action)) === actions.not) return false;
  if (resources !== undefined && !resourceMatches(resources, statement.effect, question.resource, variables))
    return false;
  return conditionsHold(conditions, question.context, variables);
}

function resourceMatches(
  list: PatternList,
  effect: 'Allow' | 'Deny',
  resource: string,
  variables: Variables | undefined,
): boolean {
  const compiled = list.patterns.map(pattern => compilePattern(pattern, variables));
  // A variable without a value: the exception that it names is unknown, so nothing is allowed by "everything but".
  if (list.not && effect === 'Allow' && compiled.includes(undefined)) return false;
  const some = compiled.some(pattern => pattern !== undefined && matchesPattern(pattern, resource));
  return some !== list.not;
}

/** AWS: a key with several values cannot stand in for a policy variable. */
function singleValue(context: ConditionContext, name: string): string | undefined {
  const values = context.get(name);
  return values?.length === 1 ? values[0] : undefined;
}
