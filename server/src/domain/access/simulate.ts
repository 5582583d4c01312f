import type { Principal } from '../operation.ts';
import type { ConditionContext } from './condition.ts';
import { contextKeysOfStatement, distinctKeys } from './context-keys.ts';
import type { PolicyDocument } from './document.ts';
import { concerns, type Question, weigh } from './evaluate.ts';
import type { StatementPosition } from './statement-positions.ts';

/** A policy of a simulation, and what AWS calls it in the answer. */
export interface SimulatedPolicy {
  id: string;
  type: 'user' | 'group' | 'role' | 'aws-managed' | 'user-managed' | 'resource' | 'none';
  document: PolicyDocument;
  /** Of the document's statements, in their order. */
  positions: readonly StatementPosition[];
}

/** Everything of a simulation that is the same for each of its actions and resources. */
export interface Simulation {
  principal: Principal;
  context: ConditionContext;
  resourceAccountId: string;
  policies: readonly SimulatedPolicy[];
  resourcePolicy: SimulatedPolicy | undefined;
  boundary: SimulatedPolicy | undefined;
}

export type SimulatedDecision = 'allowed' | 'explicitDeny' | 'implicitDeny';

export interface SimulatedResult {
  decision: SimulatedDecision;
  /** The statements that made the decision: those that deny, else those that allow. */
  matched: readonly { policy: SimulatedPolicy; position: StatementPosition }[];
  /** Keys that a statement on this action and resource asks for and the context does not have. */
  missingContextKeys: readonly string[];
  /** undefined: there is no boundary. */
  allowedByBoundary: boolean | undefined;
  /** Both sides of a question across accounts; undefined within one. */
  sides: { identity: SimulatedDecision; resource: SimulatedDecision } | undefined;
}

/** What the engine decides about one action on one resource, and why. */
export function simulate(simulation: Simulation, action: string, resource: string): SimulatedResult {
  const { principal, context, resourceAccountId, policies, resourcePolicy, boundary } = simulation;
  const question: Question = {
    ...{ principal, action, resource, context, resourceAccountId },
    identityPolicies: policies.map(({ document }) => document),
    resourcePolicy: resourcePolicy?.document,
    boundary: boundary?.document,
  };
  const weighed = weigh(question);
  const all = [...policies, ...(resourcePolicy ? [resourcePolicy] : []), ...(boundary ? [boundary] : [])];
  const { allowed } = weighed.decision;
  const decision = allowed ? 'allowed' : weighed.decision.explicit ? 'explicitDeny' : 'implicitDeny';
  const effect = allowed ? 'Allow' : 'Deny';
  const matched = [weighed.identity, weighed.resource, ...(allowed ? [] : [weighed.boundary])]
    .flatMap(finding => finding?.matched ?? [])
    .filter(({ statement }) => decision !== 'implicitDeny' && statement.effect === effect)
    .flatMap(({ policy: document, statement }) => {
      const policy = all.find(other => other.document === document);
      const position = policy?.positions[document.statements.indexOf(statement)];
      return policy && position ? [{ policy, position }] : [];
    });
  const asked = all.flatMap(({ document }) =>
    document.statements
      .filter(statement => concerns(statement, question))
      .flatMap(statement => contextKeysOfStatement(document.version, statement)),
  );
  const side = ({ denied, reach }: { denied: boolean; reach: string }): SimulatedDecision =>
    denied ? 'explicitDeny' : reach === 'none' ? 'implicitDeny' : 'allowed';
  return {
    decision,
    matched,
    missingContextKeys: distinctKeys(asked).filter(name => !context.has(name.toLowerCase())),
    allowedByBoundary: weighed.boundary && !weighed.boundary.denied && weighed.boundary.reach !== 'none',
    sides:
      resourceAccountId === principal.accountId
        ? undefined
        : { identity: side(weighed.identity), resource: side(weighed.resource) },
  };
}
