import type {
  CreatePolicyRequest,
  CreatePolicyResponse,
  CreatePolicyVersionRequest,
  CreatePolicyVersionResponse,
  DeletePolicyRequest,
  DeletePolicyVersionRequest,
  GetPolicyRequest,
  GetPolicyResponse,
  GetPolicyVersionRequest,
  GetPolicyVersionResponse,
  ListPoliciesRequest,
  ListPoliciesResponse,
  ListPolicyVersionsRequest,
  ListPolicyVersionsResponse,
  Policy,
  PolicyScopeType,
  PolicyUsageType,
  SetDefaultPolicyVersionRequest,
} from '@aws-sdk/client-iam';
import { parseIamArn } from '../../domain/access/identity.ts';
import { awsManagedPolicies, awsManagedPolicy } from '../../domain/access/managed-policies.ts';
import { Fault } from '../../domain/fault.ts';
import type { Operation } from '../../domain/operation.ts';
import type { IamRows, PolicyRow, PolicyUse, PolicyVersionRow, SeekPage } from '../../ports/store-iam.ts';
import { alreadyExists, deleteConflict, invalidInput, noSuchEntity, noSuchPolicy } from './faults.ts';
import {
  AS_WRITTEN,
  checkManagedPolicy,
  encodeDocument,
  type IamDependencies,
  tagList,
  tagRecord,
} from './identities.ts';
import { pageOf, seekPage } from './paging.ts';

const VERSIONS_PER_POLICY = 5;

export const USE_OF_FILTER: Readonly<Record<PolicyUsageType, PolicyUse>> = {
  PermissionsPolicy: 'attached',
  PermissionsBoundary: 'boundary',
};

export function policyOperations(deps: IamDependencies) {
  const authorize = (input: { PolicyArn?: string | undefined }) => [{ resource: input.PolicyArn ?? '*' }];

  return {
    CreatePolicy: {
      authorize: (input: CreatePolicyRequest, ctx) => [
        { resource: `arn:aws:iam::${ctx.accountId}:policy${input.Path ?? '/'}${input.PolicyName}` },
      ],
      async handle(input: CreatePolicyRequest, ctx): Promise<CreatePolicyResponse> {
        const { PolicyName: name = '', PolicyDocument: document = '', Path: path = '/' } = input;
        checkManagedPolicy(document);
        const createdAt = deps.time.now().toISOString();
        const policy: PolicyRow = {
          arn: `arn:aws:iam::${ctx.accountId}:policy${path}${name}`,
          id: `ANPA${deps.ids.upper(17)}`,
          accountId: ctx.accountId,
          name,
          path,
          description: input.Description ?? null,
          defaultVersion: 1,
          latestVersion: 1,
          createdAt,
          updatedAt: createdAt,
          tags: tagRecord(input.Tags, {}, AS_WRITTEN),
        };
        return await deps.store.transaction(async ({ iam }) => {
          if ((await iam.policyNamed(ctx.accountId, name)) !== undefined)
            throw alreadyExists(`A policy called ${name} already exists. Duplicate names are not allowed.`);
          await iam.insertPolicy(policy);
          await iam.insertPolicyVersion({ policyArn: policy.arn, version: 1, document, createdAt });
          return { Policy: await describePolicy(iam, policy, ctx.accountId) };
        });
      },
    },

    GetPolicy: {
      authorize: (input: GetPolicyRequest) => authorize(input),
      async handle(input: GetPolicyRequest, ctx): Promise<GetPolicyResponse> {
        return await deps.store.read(async ({ iam }) => {
          const policy = await findPolicy(iam, input.PolicyArn, ctx.accountId);
          const description = policy.description === null ? {} : { Description: policy.description };
          // AWS: an empty list here, and nothing where a policy without tags is made or listed.
          return { Policy: { Tags: [], ...(await describePolicy(iam, policy, ctx.accountId)), ...description } };
        });
      },
    },

    ListPolicies: {
      authorize: (_input: ListPoliciesRequest) => [{ resource: '*' }],
      async handle(input: ListPoliciesRequest, ctx): Promise<ListPoliciesResponse> {
        return await deps.store.read(async ({ iam }) => {
          const { Scope: scope = 'All', PathPrefix: pathPrefix = '/', PolicyUsageFilter: filter } = input;
          const usedAs = filter ? USE_OF_FILTER[filter] : input.OnlyAttached ? 'attached' : undefined;
          const { items, ...page } = await seekPage(
            input,
            (policy: PolicyRow) => policy.arn,
            (after, limit) => policiesAfter(iam, ctx.accountId, { scope, pathPrefix, usedAs, after, limit }),
          );
          const Policies = await Promise.all(items.map(policy => describePolicy(iam, policy, ctx.accountId)));
          return { ...page, Policies: Policies.map(({ Tags: _tags, ...policy }) => policy) };
        });
      },
    },

    DeletePolicy: {
      authorize: (input: DeletePolicyRequest) => authorize(input),
      async handle(input: DeletePolicyRequest, ctx): Promise<object> {
        return await deps.store.transaction(async ({ iam }) => {
          const policy = await findOwnPolicy(iam, input.PolicyArn, ctx.accountId);
          if (await isInUse(iam, policy.arn, ctx.accountId))
            throw deleteConflict('Cannot delete a policy attached to entities.');
          if ((await iam.policyVersions(policy.arn)).length > 1)
            throw deleteConflict(
              "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.",
            );
          await iam.deletePolicy(policy.arn);
          return {};
        });
      },
    },

    CreatePolicyVersion: {
      authorize: (input: CreatePolicyVersionRequest) => authorize(input),
      async handle(input: CreatePolicyVersionRequest, ctx): Promise<CreatePolicyVersionResponse> {
        const { PolicyDocument: document = '' } = input;
        checkManagedPolicy(document);
        const createdAt = deps.time.now().toISOString();
        return await deps.store.transaction(async ({ iam }) => {
          const policy = await findOwnPolicy(iam, input.PolicyArn, ctx.accountId);
          if ((await iam.policyVersions(policy.arn)).length >= VERSIONS_PER_POLICY) throw tooManyVersions();
          const version = policy.latestVersion + 1;
          const defaultVersion = input.SetAsDefault ? version : policy.defaultVersion;
          const row = { policyArn: policy.arn, version, document, createdAt };
          await iam.insertPolicyVersion(row);
          await iam.updatePolicy(policy.arn, { latestVersion: version, defaultVersion, updatedAt: createdAt });
          return { PolicyVersion: describeVersion(row, defaultVersion) };
        });
      },
    },

    GetPolicyVersion: {
      authorize: (input: GetPolicyVersionRequest) => authorize(input),
      async handle(input: GetPolicyVersionRequest, ctx): Promise<GetPolicyVersionResponse> {
        return await deps.store.read(async ({ iam }) => {
          const policy = await findPolicy(iam, input.PolicyArn, ctx.accountId);
          const version = await findVersion(iam, policy, input.VersionId);
          const described = describeVersion(version, policy.defaultVersion);
          return { PolicyVersion: { ...described, Document: encodeDocument(version.document) } };
        });
      },
    },

    ListPolicyVersions: {
      authorize: (input: ListPolicyVersionsRequest) => authorize(input),
      async handle(input: ListPolicyVersionsRequest, ctx): Promise<ListPolicyVersionsResponse> {
        return await deps.store.read(async ({ iam }) => {
          const policy = await findPolicy(iam, input.PolicyArn, ctx.accountId);
          const ofAws = awsManagedPolicy(policy.arn);
          const versions = ofAws ? [ofAws.version] : await iam.policyVersions(policy.arn);
          // At most five, newest first: keys that fall as the versions do.
          const { items, ...page } = pageOf(versions, ({ version }) => String(1e9 - version), input);
          return { ...page, Versions: items.map(version => describeVersion(version, policy.defaultVersion)) };
        });
      },
    },

    SetDefaultPolicyVersion: {
      authorize: (input: SetDefaultPolicyVersionRequest) => authorize(input),
      async handle(input: SetDefaultPolicyVersionRequest, ctx): Promise<object> {
        return await deps.store.transaction(async ({ iam }) => {
          const policy = await findOwnPolicy(iam, input.PolicyArn, ctx.accountId);
          const { version } = await findVersion(iam, policy, input.VersionId);
          await iam.updatePolicy(policy.arn, { defaultVersion: version, updatedAt: deps.time.now().toISOString() });
          return {};
        });
      },
    },

    DeletePolicyVersion: {
      authorize: (input: DeletePolicyVersionRequest) => authorize(input),
      async handle(input: DeletePolicyVersionRequest, ctx): Promise<object> {
        return await deps.store.transaction(async ({ iam }) => {
          const policy = await findOwnPolicy(iam, input.PolicyArn, ctx.accountId);
          const { version } = await findVersion(iam, policy, input.VersionId);
          if (version === policy.defaultVersion) throw deleteConflict('Cannot delete the default version of a policy.');
          await iam.deletePolicyVersion(policy.arn, version);
          return {};
        });
      },
    },
  } satisfies Record<string, Operation<never, unknown>>;
}

/** @throws Fault NoSuchEntity; InvalidInput for what is no policy's ARN */
export async function findPolicy(rows: IamRows, arn: string | undefined, accountId: string): Promise<PolicyRow> {
  const parsed = parseIamArn(arn ?? '');
  if (arn === undefined || parsed?.type !== 'policy') throw invalidInput(`ARN ${arn} is not valid.`);
  const ofAws = awsManagedPolicy(arn);
  if (ofAws !== undefined) return ofAws.policy;
  const policy = parsed.accountId === accountId ? await rows.policy(arn) : undefined;
  if (policy === undefined) throw noSuchPolicy(arn);
  return policy;
}

/** A policy of the account, to be changed. @throws Fault InvalidInput for AWS's own */
export async function findOwnPolicy(rows: IamRows, arn: string | undefined, accountId: string): Promise<PolicyRow> {
  const policy = await findPolicy(rows, arn, accountId);
  if (policy.accountId !== accountId)
    throw invalidInput(`${policy.arn} is an AWS managed policy: it cannot be changed.`);
  return policy;
}

async function isInUse(rows: IamRows, arn: string, accountId: string, as?: PolicyUse): Promise<boolean> {
  if (as !== 'boundary' && (await rows.countAttachedTo(arn, accountId)) > 0) return true;
  return as !== 'attached' && (await rows.countBoundedBy(arn, accountId)) > 0;
}

/**
 * Managed policies in the order of their ARNs: the account's own, then AWS's, whose ARNs sort behind every account's.
 * @param page.after the last ARN of the page before
 */
export async function policiesAfter(
  rows: IamRows,
  accountId: string,
  page: SeekPage & { scope: PolicyScopeType; pathPrefix: string; usedAs: PolicyUse | undefined },
): Promise<PolicyRow[]> {
  const { scope, pathPrefix, usedAs, after = '', limit } = page;
  const found = scope === 'AWS' ? [] : await rows.policiesBelow(accountId, page);
  if (scope === 'Local') return found;
  const ofAws = awsManagedPolicies().toSorted((a, b) => (a.arn < b.arn ? -1 : 1));
  for (const policy of ofAws)
    if (found.length < limit && policy.arn > after && policy.path.startsWith(pathPrefix))
      if (usedAs === undefined || (await isInUse(rows, policy.arn, accountId, usedAs))) found.push(policy);
  return found;
}

async function findVersion(rows: IamRows, policy: PolicyRow, versionId: string | undefined): Promise<PolicyVersionRow> {
  const number = /^v([1-9]\d{0,8})(\.\S*)?$/.exec(versionId ?? '')?.[1];
  const ofAws = awsManagedPolicy(policy.arn);
  const row = ofAws
    ? number === '1'
      ? ofAws.version
      : undefined
    : await rows.policyVersion(policy.arn, Number(number ?? 0));
  if (row === undefined)
    throw noSuchEntity(`Policy ${policy.arn} version ${versionId} does not exist or is not attachable.`);
  return row;
}

/** As answers show it. */
export async function describePolicy(rows: IamRows, policy: PolicyRow, accountId: string): Promise<Policy> {
  const tags = tagList(policy.tags);
  return {
    PolicyName: policy.name,
    PolicyId: policy.id,
    Arn: policy.arn,
    Path: policy.path,
    DefaultVersionId: `v${policy.defaultVersion}`,
    AttachmentCount: await rows.countAttachedTo(policy.arn, accountId),
    PermissionsBoundaryUsageCount: await rows.countBoundedBy(policy.arn, accountId),
    IsAttachable: true,
    CreateDate: new Date(policy.createdAt),
    UpdateDate: new Date(policy.updatedAt),
    ...(tags.length > 0 ? { Tags: tags } : {}),
  };
}

export function describeVersion(row: PolicyVersionRow, defaultVersion: number) {
  return {
    VersionId: `v${row.version}`,
    IsDefaultVersion: row.version === defaultVersion,
    CreateDate: new Date(row.createdAt),
  };
}

function tooManyVersions(): Fault {
  return new Fault(
    'quota',
    `A managed policy can have up to ${VERSIONS_PER_POLICY} versions. Before you create a new version, you must delete an existing version.`,
    { code: 'LimitExceeded' },
  );
}
