import type {
  ContextEntry,
  EvaluationResult,
  GetContextKeysForCustomPolicyRequest,
  GetContextKeysForPolicyResponse,
  GetContextKeysForPrincipalPolicyRequest,
  SimulateCustomPolicyRequest,
  SimulatePolicyResponse,
  SimulatePrincipalPolicyRequest,
} from '@aws-sdk/client-iam';
import { comparableAs } from '../../domain/access/condition.ts';
import { conditionContext } from '../../domain/access/context.ts';
import { contextKeysOf, distinctKeys } from '../../domain/access/context-keys.ts';
import { type SimulatedPolicy, type SimulatedResult, type Simulation, simulate } from '../../domain/access/simulate.ts';
import type { Operation, Principal, RequestContext } from '../../domain/operation.ts';
import type { IamRows } from '../../ports/store-iam.ts';
import { invalidInput } from './faults.ts';
import type { IamDependencies } from './identities.ts';
import {
  callerOf,
  findPolicySource,
  managedPolicy,
  policiesOfIdentity,
  simulatedPolicy,
  unnamedCaller,
} from './simulated-principals.ts';

const PAGE_SIZE = 100;
/** So many evaluations, and then others have a turn. */
const EVALUATIONS_AT_ONCE = 20;

/** What is asked about an action; the context has keys of the action's service. */
type SimulationOf = (action: string) => Simulation;

type SimulationInput = Omit<SimulateCustomPolicyRequest, 'PolicyInputList'>;

export function simulationOperations(deps: IamDependencies) {
  /** One page of the results: each action on each resource is one, numbered in that order. */
  async function run(simulationOf: SimulationOf, input: SimulationInput): Promise<SimulatePolicyResponse> {
    const { ActionNames: actions = [], ResourceArns: arns = [], MaxItems: size = PAGE_SIZE } = input;
    for (const action of actions)
      if (!/^[A-Za-z0-9._-]+:[A-Za-z0-9]+$/.test(action))
        throw invalidInput(`ActionNames must be of the form service:Action, without wildcards; you sent "${action}".`);
    for (const arn of arns)
      if (arn !== '*' && !arn.startsWith('arn:')) throw invalidInput(`ResourceArns must be ARNs; you sent "${arn}".`);
    const resources = arns.length > 0 ? arns : ['*'];
    const total = actions.length * resources.length;
    const first = input.Marker === undefined ? 0 : readMarker(input.Marker, total);
    const last = Math.min(total, first + size);
    const EvaluationResults: EvaluationResult[] = [];
    for (let index = first; index < last; index++) {
      if (EvaluationResults.length % EVALUATIONS_AT_ONCE === EVALUATIONS_AT_ONCE - 1) await deps.time.sleep(0);
      const action = actions[Math.floor(index / resources.length)] ?? '';
      const resource = resources[index % resources.length] ?? '*';
      const result = simulate(simulationOf(action), action, resource);
      EvaluationResults.push(describe(result, action, resource, arns.length > 0));
    }
    if (last === total) return { EvaluationResults, IsTruncated: false };
    return { EvaluationResults, IsTruncated: true, Marker: Buffer.from(`simulated ${last}`).toString('base64url') };
  }

  const askForSource = (input: { PolicySourceArn?: string | undefined }) => [
    { resource: input.PolicySourceArn ?? '*' },
  ];

  const notSimulated = (member: string, value: readonly unknown[] | undefined): void => {
    if (value?.length) throw invalidInput(`${member} is not supported by this server.`);
  };

  return {
    SimulateCustomPolicy: {
      authorize: (_input: SimulateCustomPolicyRequest) => [{ resource: '*' }],
      async handle(input: SimulateCustomPolicyRequest, ctx): Promise<SimulatePolicyResponse> {
        notSimulated('OrderedOrganizationPolicyInputList', input.OrderedOrganizationPolicyInputList);
        if (input.ResourcePolicy !== undefined && input.CallerArn === undefined)
          throw invalidInput(
            'CallerArn is required when ResourcePolicy is given: it says whom the policy is asked about.',
          );
        const principal = (await namedCaller(deps, input.CallerArn, ctx)) ?? unnamedCaller(ctx.accountId);
        const policies = inputPolicies('PolicyInputList', input.PolicyInputList);
        return await run(simulationOf(input, ctx, principal, policies, undefined), input);
      },
    },

    SimulatePrincipalPolicy: {
      authorize: askForSource,
      async handle(input: SimulatePrincipalPolicyRequest, ctx): Promise<SimulatePolicyResponse> {
        notSimulated('PolicyExclusionList', input.PolicyExclusionList);
        const source = await deps.store.read(async ({ iam }) => {
          const identity = await findPolicySource(iam, input.PolicySourceArn ?? '', ctx.accountId);
          const boundary = identity.boundaryArn === null ? undefined : await boundaryOf(iam, identity.boundaryArn);
          return { identity, policies: await policiesOfIdentity(iam, identity), boundary };
        });
        if (source.identity.kind !== 'user' && input.ResourcePolicy !== undefined && input.CallerArn === undefined)
          throw invalidInput('CallerArn is required when ResourcePolicy is given and PolicySourceArn is no user.');
        const principal = (await namedCaller(deps, input.CallerArn, ctx)) ?? callerOf(source.identity);
        const policies = [...source.policies, ...inputPolicies('PolicyInputList', input.PolicyInputList)];
        return await run(simulationOf(input, ctx, principal, policies, source.boundary), input);
      },
    },

    GetContextKeysForCustomPolicy: {
      authorize: (_input: GetContextKeysForCustomPolicyRequest) => [{ resource: '*' }],
      async handle(input: GetContextKeysForCustomPolicyRequest): Promise<GetContextKeysForPolicyResponse> {
        return contextKeys(inputPolicies('PolicyInputList', input.PolicyInputList));
      },
    },

    GetContextKeysForPrincipalPolicy: {
      authorize: askForSource,
      async handle(input: GetContextKeysForPrincipalPolicyRequest, ctx): Promise<GetContextKeysForPolicyResponse> {
        const attached = await deps.store.read(async ({ iam }) =>
          policiesOfIdentity(iam, await findPolicySource(iam, input.PolicySourceArn ?? '', ctx.accountId)),
        );
        return contextKeys([...attached, ...inputPolicies('PolicyInputList', input.PolicyInputList)]);
      },
    },
  } satisfies Record<string, Operation<never, unknown>>;
}

function inputPolicies(member: string, texts: readonly string[] | undefined): SimulatedPolicy[] {
  return (texts ?? []).map((text, index) => simulatedPolicy(`${member}.${index + 1}`, 'none', text));
}

function contextKeys(policies: readonly SimulatedPolicy[]): GetContextKeysForPolicyResponse {
  return { ContextKeyNames: distinctKeys(policies.flatMap(({ document }) => contextKeysOf(document))) };
}

/** A boundary whose policy is gone allows nothing. */
async function boundaryOf(rows: IamRows, arn: string): Promise<SimulatedPolicy> {
  const nothing = { Version: '2012-10-17', Statement: { Effect: 'Deny', Action: '*', Resource: '*' } };
  return (await managedPolicy(rows, arn)) ?? simulatedPolicy(arn, 'none', JSON.stringify(nothing));
}

/** @throws Fault InvalidInput: AWS simulates users as callers, and no sessions */
async function namedCaller(
  deps: IamDependencies,
  arn: string | undefined,
  ctx: RequestContext,
): Promise<Principal | undefined> {
  if (arn === undefined) return undefined;
  const parsed = /^arn:aws[a-z-]*:iam::(\d{12}):user(?:\/.*)?\/([^/]+)$/.exec(arn);
  if (parsed === null) throw invalidInput(`CallerArn must be the ARN of an IAM user; you sent "${arn}".`);
  const [, accountId = '', userName = ''] = parsed;
  const row =
    accountId === ctx.accountId
      ? await deps.store.read(({ iam }) => iam.identity('user', accountId, userName))
      : undefined;
  return row === undefined ? { ...unnamedCaller(accountId), arn, userName } : { ...callerOf(row), arn };
}

function simulationOf(
  input: SimulationInput,
  ctx: RequestContext,
  principal: Principal,
  policies: readonly SimulatedPolicy[],
  ownBoundary: SimulatedPolicy | undefined,
): SimulationOf {
  const [boundary = ownBoundary] = inputPolicies(
    'PermissionsBoundaryPolicyInputList',
    input.PermissionsBoundaryPolicyInputList,
  );
  const owner = input.ResourceOwner ?? principal.accountId;
  const resourceAccountId = /^(?:arn:aws[a-z-]*:iam::)?(\d{12})(?::root)?$/.exec(owner)?.[1];
  if (resourceAccountId === undefined)
    throw invalidInput(`ResourceOwner must be arn:aws:iam::123456789012:root of an account; you sent "${owner}".`);
  const entries = Object.fromEntries((input.ContextEntries ?? []).map(readEntry));
  const resourcePolicy =
    input.ResourcePolicy === undefined
      ? undefined
      : simulatedPolicy('ResourcePolicy', 'resource', input.ResourcePolicy);
  return action => {
    const facts = { now: ctx.now, region: '', service: action.replace(/:.*/, '').toLowerCase() };
    const context = conditionContext(principal, facts, entries, resourceAccountId);
    return { principal, policies, boundary, resourceAccountId, context, resourcePolicy };
  };
}

function readEntry(entry: ContextEntry): [string, string[]] {
  const { ContextKeyName: name = '', ContextKeyValues: values = [], ContextKeyType: type = 'string' } = entry;
  if (name === '') throw invalidInput('ContextEntries: an entry without ContextKeyName.');
  if (!type.endsWith('List') && values.length !== 1)
    throw invalidInput(`ContextEntries: ${name} is of type ${type} and must have one value; it has ${values.length}.`);
  const kind = type.replace(/List$/, '');
  for (const value of values)
    if (!comparableAs(kind, value)) throw invalidInput(`ContextEntries: "${value}" of ${name} is no ${kind}.`);
  return [name, values];
}

function describe(result: SimulatedResult, action: string, resource: string, named: boolean): EvaluationResult {
  const MatchedStatements = result.matched.map(({ policy, position: { start, end } }) => ({
    SourcePolicyId: policy.id,
    SourcePolicyType: policy.type,
    StartPosition: { Line: start.line, Column: start.column },
    EndPosition: { Line: end.line, Column: end.column },
  }));
  const common = {
    MatchedStatements,
    MissingContextValues: [...result.missingContextKeys],
    ...(result.sides && {
      EvalDecisionDetails: { 'IAM Policy': result.sides.identity, 'Resource Policy': result.sides.resource },
    }),
    ...(result.allowedByBoundary !== undefined && {
      PermissionsBoundaryDecisionDetail: { AllowedByPermissionsBoundary: result.allowedByBoundary },
    }),
  };
  return {
    EvalActionName: action,
    EvalResourceName: resource,
    EvalDecision: result.decision,
    ...common,
    ...(named && {
      ResourceSpecificResults: [{ EvalResourceName: resource, EvalResourceDecision: result.decision, ...common }],
    }),
  };
}

function readMarker(marker: string, total: number): number {
  const index = /^simulated (\d{1,12})$/.exec(Buffer.from(marker, 'base64url').toString())?.[1];
  if (index === undefined || Number(index) >= total)
    throw invalidInput(`Invalid Marker: "${marker}" is none that this simulation answered.`);
  return Number(index);
}
