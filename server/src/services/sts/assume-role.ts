import type { AssumeRoleRequest, AssumeRoleResponse, Credentials } from '@aws-sdk/client-sts';
import { parsePolicy } from '../../domain/access/document.ts';
import { identityArn, parseIamArn, sessionPrincipal } from '../../domain/access/identity.ts';
import { awsManagedPolicy } from '../../domain/access/managed-policies.ts';
import { issueSession } from '../../domain/access/session.ts';
import { Fault } from '../../domain/fault.ts';
import type { AccessRequest, Operation, Principal, RequestContext } from '../../domain/operation.ts';
import type { IdentityRow } from '../../ports/store-iam.ts';
import type { StsDependencies } from './dependencies.ts';

const HOUR_SECONDS = 3600;
/** AWS packs session policies and tags into the token; inline policy text alone may have 2,048 characters. */
const SESSION_POLICY_CHARACTERS = 2048;

export function assumeRoleOperations(deps: StsDependencies) {
  return {
    AssumeRole: {
      async authorize(input: AssumeRoleRequest, ctx) {
        const { principal } = ctx;
        const { RoleArn: roleArn = '' } = input;
        if (principal.type === 'root') throw new Fault('denied', 'Roles may not be assumed by root accounts.');
        // Before any policy is asked: one that requires MFA would refuse, and say nothing of the code that was sent.
        refuseMfa(input);
        const parsed = parseIamArn(roleArn);
        if (parsed?.type !== 'role') throw new Fault('invalid', `${roleArn} is invalid`);
        const role = await findRole(deps, roleArn);
        const question: AccessRequest = {
          resource: roleArn,
          resourceAccountId: parsed.accountId,
          resourcePolicyMustAllow: true,
          // A role that is not there trusts nobody: the answer is the same, and tells nothing.
          ...(role?.trustPolicy ? { resourcePolicy: role.trustPolicy } : {}),
          conditions: {
            ...sessionConditions(input),
            ...(input.TransitiveTagKeys?.length ? { 'sts:TransitiveTagKeys': input.TransitiveTagKeys } : {}),
          },
        };
        checkTags(input, principal);
        const asked = [question];
        if (input.Tags?.length) asked.push({ ...question, action: 'sts:TagSession' });
        if (principal.sourceIdentity !== undefined && input.SourceIdentity !== undefined)
          if (principal.sourceIdentity !== input.SourceIdentity)
            throw new Fault('denied', 'The source identity of a session cannot be changed by assuming another role.');
        if (input.SourceIdentity !== undefined) asked.push({ ...question, action: 'sts:SetSourceIdentity' });
        return asked;
      },

      async handle(input: AssumeRoleRequest, ctx): Promise<AssumeRoleResponse> {
        if (input.ProvidedContexts?.length)
          throw new Fault('invalid', 'ProvidedContexts is not supported by this server.');
        const role = await findRole(deps, input.RoleArn ?? '');
        if (role === undefined) throw new Fault('denied', `The role ${input.RoleArn} is gone.`);
        const { RoleSessionName: sessionName = '' } = input;
        const sourceIdentity = input.SourceIdentity ?? ctx.principal.sourceIdentity ?? null;
        const inherited = ctx.principal.transitiveTags ?? {};
        const sessionPolicies = await checkSessionPolicies(deps, input, role.accountId);
        const session = issueSession(deps, {
          accountId: role.accountId,
          identityId: role.id,
          sessionName,
          sessionPolicies,
          tags: { ...sessionTags(input.Tags), ...inherited },
          transitiveTagKeys: [...Object.keys(inherited), ...(input.TransitiveTagKeys ?? [])],
          sourceIdentity,
          issuedAt: ctx.now.getTime(),
          expiresAt: ctx.now.getTime() + sessionSeconds(input, role, ctx) * 1000,
        });
        const { arn, userId } = sessionPrincipal(role, sessionName, {});
        return {
          Credentials: describeCredentials(session),
          AssumedRoleUser: { AssumedRoleId: userId, Arn: arn },
          ...(sourceIdentity === null ? {} : { SourceIdentity: sourceIdentity }),
          ...packedPolicySize(sessionPolicies, input.Tags),
        };
      },
    },
  } satisfies Record<string, Operation<never, unknown>>;
}

/** @returns the role that an ARN (with its path) names, in whatever account */
export async function findRole(deps: Pick<StsDependencies, 'store'>, arn: string): Promise<IdentityRow | undefined> {
  const parsed = parseIamArn(arn);
  if (parsed?.type !== 'role') return undefined;
  const role = await deps.store.read(({ iam }) => iam.identity('role', parsed.accountId, parsed.name));
  return role !== undefined && identityArn(role) === arn ? role : undefined;
}

export function sessionTags(tags: AssumeRoleRequest['Tags']): Record<string, string> {
  return Object.fromEntries((tags ?? []).map(({ Key = '', Value = '' }) => [Key, Value]));
}

export function describeCredentials(session: ReturnType<typeof issueSession>): Credentials {
  return {
    AccessKeyId: session.accessKeyId,
    SecretAccessKey: session.secretAccessKey,
    SessionToken: session.sessionToken,
    Expiration: session.expiresAt,
  };
}

/** What a session was asked for with, as a policy sees it. */
export function sessionConditions(
  input: Partial<Pick<AssumeRoleRequest, 'ExternalId' | 'RoleSessionName' | 'SourceIdentity' | 'Tags'>>,
): NonNullable<AccessRequest['conditions']> {
  const conditions: NonNullable<AccessRequest['conditions']> = {
    'sts:ExternalId': input.ExternalId,
    'sts:RoleSessionName': input.RoleSessionName,
    'sts:SourceIdentity': input.SourceIdentity,
  };
  for (const { Key, Value } of input.Tags ?? []) conditions[`aws:RequestTag/${Key}`] = Value;
  if (input.Tags?.length) conditions['aws:TagKeys'] = input.Tags.map(({ Key = '' }) => Key);
  return conditions;
}

/**
 * Session tags are compared without case, and none replaces one that an earlier session passed on.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html
 */
function checkTags({ Tags = [], TransitiveTagKeys = [] }: AssumeRoleRequest, { transitiveTags = {} }: Principal): void {
  const invalid = (message: string) => new Fault('invalid', message, { code: 'InvalidParameterValue' });
  const passedOn = new Set(Object.keys(transitiveTags).map(key => key.toLowerCase()));
  const keys = new Set<string>();
  for (const { Key: key = '' } of Tags) {
    const folded = key.toLowerCase();
    if (folded.startsWith('aws:')) throw invalid(`Tag keys may not begin with "aws:"; "${key}" does.`);
    if (keys.has(folded)) throw invalid(`Duplicate tag keys found: "${key}". Tag keys are compared without case.`);
    if (passedOn.has(folded))
      throw invalid(
        `One of the specified transitive tag keys can't be set because it conflicts: "${key}" is inherited.`,
      );
    keys.add(folded);
  }
  for (const key of TransitiveTagKeys)
    if (!keys.has(key.toLowerCase()) && !passedOn.has(key.toLowerCase()))
      throw invalid(`The specified transitive tag key must be included in the requested tags: "${key}" is not.`);
}

/** @throws Fault denied: there are no devices whose codes could be right */
export function refuseMfa({ SerialNumber, TokenCode }: Pick<AssumeRoleRequest, 'SerialNumber' | 'TokenCode'>): void {
  if (SerialNumber !== undefined || TokenCode !== undefined)
    throw new Fault('denied', 'MultiFactorAuthentication failed: this server has no MFA devices.');
}

function sessionSeconds(input: AssumeRoleRequest, role: IdentityRow, { principal }: RequestContext): number {
  const asked = input.DurationSeconds ?? HOUR_SECONDS;
  if (asked < 900 || asked > 43_200)
    throw new Fault('invalid', `DurationSeconds must be from 900 to 43200; you sent ${asked}.`);
  if (principal.type === 'assumedRole' && asked > HOUR_SECONDS)
    throw new Fault(
      'invalid',
      'The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.',
    );
  if (asked > (role.maximumSessionSeconds ?? HOUR_SECONDS))
    throw new Fault('invalid', 'The requested DurationSeconds exceeds the MaxSessionDuration set for this role.');
  return asked;
}

/**
 * The policies that shall bound a session: ARNs of managed ones, and documents.
 * @throws Fault invalid, quota
 */
export async function checkSessionPolicies(
  deps: Pick<StsDependencies, 'store'>,
  input: Pick<AssumeRoleRequest, 'Policy' | 'PolicyArns'>,
  accountId: string,
): Promise<string[]> {
  const policies: string[] = [];
  for (const { arn = '' } of input.PolicyArns ?? []) {
    const known = awsManagedPolicy(arn) ?? (await deps.store.read(({ iam }) => iam.policy(arn)));
    if (known === undefined || !new RegExp(`^arn:aws:iam::(aws|${accountId}):`).test(arn))
      throw new Fault('invalid', `Policy ${arn} does not exist or is not attachable.`);
    policies.push(arn);
  }
  if (policies.length > 10)
    throw new Fault('quota', `At most 10 PolicyArns may be given; you sent ${policies.length}.`);
  if (input.Policy !== undefined) {
    if (input.Policy.length > SESSION_POLICY_CHARACTERS)
      throw new Fault(
        'quota',
        `Policy may have at most ${SESSION_POLICY_CHARACTERS} characters; you sent ${input.Policy.length}.`,
      );
    parsePolicy(input.Policy, { kind: 'identity' });
    policies.push(input.Policy);
  }
  return policies;
}

/** How much of the room for session policies and tags is taken, 1 to 100; a session of neither says nothing of it. */
export function packedPolicySize(
  policies: readonly string[],
  tags: AssumeRoleRequest['Tags'] = [],
): Pick<AssumeRoleResponse, 'PackedPolicySize'> {
  const packed = [...policies, ...tags.flatMap(({ Key = '', Value = '' }) => [Key, Value])];
  if (packed.length === 0) return {};
  const percent = Math.ceil((packed.join('').length / SESSION_POLICY_CHARACTERS) * 100);
  return { PackedPolicySize: Math.max(1, Math.min(100, percent)) };
}
