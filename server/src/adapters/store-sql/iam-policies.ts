import { type Kysely, type Selectable, sql, type Updateable } from 'kysely';
import type { IamRows, PolicyRow, PolicyVersionRow } from '../../ports/store-iam.ts';
import { toIdentity } from './iam-identities.ts';
import type { IamSchema, PolicyTable } from './iam-schema.ts';

type Part<Names extends keyof IamRows> = Pick<IamRows, Names>;

export function policyRows(
  database: Kysely<IamSchema>,
): Part<
  | 'policy'
  | 'policyNamed'
  | 'countPolicies'
  | 'policiesBelow'
  | 'insertPolicy'
  | 'updatePolicy'
  | 'deletePolicy'
  | 'policyVersion'
  | 'policyVersions'
  | 'insertPolicyVersion'
  | 'deletePolicyVersion'
> {
  return {
    async policy(arn) {
      const row = await database.selectFrom('iam_policies').selectAll().where('arn', '=', arn).executeTakeFirst();
      return row && toPolicy(row);
    },
    async policyNamed(accountId, name) {
      const query = database.selectFrom('iam_policies').selectAll().where('account_id', '=', accountId);
      const row = await query.where(sql<boolean>`lower(name) = ${name.toLowerCase()}`).executeTakeFirst();
      return row && toPolicy(row);
    },
    async countPolicies(accountId) {
      const query = database
        .selectFrom('iam_policies')
        .select(({ fn }) => fn.countAll<number | string>().as('count'))
        .where('account_id', '=', accountId);
      return Number((await query.executeTakeFirst())?.count ?? 0);
    },
    async policiesBelow(accountId, { pathPrefix, usedAs, after = '', limit }) {
      let query = database
        .selectFrom('iam_policies')
        .selectAll()
        .where('account_id', '=', accountId)
        .where('arn', '>', after)
        .where(sql<boolean>`substr(path, 1, ${pathPrefix.length}) = ${pathPrefix}`);
      if (usedAs === 'attached')
        query = query.where(({ exists, selectFrom }) =>
          exists(
            selectFrom('iam_attachments').select('policy_arn').whereRef('policy_arn', '=', 'iam_policies.arn').limit(1),
          ),
        );
      if (usedAs === 'boundary')
        query = query.where(({ exists, selectFrom }) =>
          exists(selectFrom('iam_identities').select('id').whereRef('boundary_arn', '=', 'iam_policies.arn').limit(1)),
        );
      return (await query.orderBy('arn').limit(limit).execute()).map(toPolicy);
    },
    async insertPolicy(row) {
      await database
        .insertInto('iam_policies')
        .values({
          arn: row.arn,
          id: row.id,
          account_id: row.accountId,
          name: row.name,
          path: row.path,
          description: row.description,
          default_version: row.defaultVersion,
          latest_version: row.latestVersion,
          created_at: row.createdAt,
          updated_at: row.updatedAt,
          tags: JSON.stringify(row.tags),
        })
        .execute();
    },
    async updatePolicy(arn, change) {
      const set: Updateable<PolicyTable> = {};
      if (change.defaultVersion !== undefined) set.default_version = change.defaultVersion;
      if (change.latestVersion !== undefined) set.latest_version = change.latestVersion;
      if (change.updatedAt !== undefined) set.updated_at = change.updatedAt;
      if (change.tags !== undefined) set.tags = JSON.stringify(change.tags);
      await database.updateTable('iam_policies').set(set).where('arn', '=', arn).execute();
    },
    async deletePolicy(arn) {
      await database.deleteFrom('iam_policy_versions').where('policy_arn', '=', arn).execute();
      await database.deleteFrom('iam_policies').where('arn', '=', arn).execute();
    },
    async policyVersion(policyArn, version) {
      const query = database
        .selectFrom('iam_policy_versions')
        .selectAll()
        .where('policy_arn', '=', policyArn)
        .where('version', '=', version);
      const row = await query.executeTakeFirst();
      return row && toPolicyVersion(row);
    },
    async policyVersions(policyArn) {
      const query = database.selectFrom('iam_policy_versions').selectAll().where('policy_arn', '=', policyArn);
      return (await query.orderBy('version', 'desc').execute()).map(toPolicyVersion);
    },
    async insertPolicyVersion(row) {
      await database
        .insertInto('iam_policy_versions')
        .values({
          policy_arn: row.policyArn,
          version: row.version,
          document: row.document,
          created_at: row.createdAt,
        })
        .execute();
    },
    async deletePolicyVersion(policyArn, version) {
      await database
        .deleteFrom('iam_policy_versions')
        .where('policy_arn', '=', policyArn)
        .where('version', '=', version)
        .execute();
    },
  };
}

export function attachmentRows(
  database: Kysely<IamSchema>,
): Part<
  | 'attachedPolicyArns'
  | 'identitiesWith'
  | 'countAttachedTo'
  | 'countBoundedBy'
  | 'attach'
  | 'detach'
  | 'policiesOn'
  | 'policyNamesOn'
  | 'inlinePolicy'
  | 'inlinePolicies'
  | 'putInlinePolicy'
  | 'deleteInlinePolicy'
> {
  const attachedTo = (policyArn: string, accountId: string) =>
    database
      .selectFrom('iam_attachments as attached')
      .innerJoin('iam_identities as identity', 'identity.id', 'attached.identity_id')
      .where('policy_arn', '=', policyArn)
      .where('account_id', '=', accountId);
  const boundedBy = (policyArn: string, accountId: string) =>
    database.selectFrom('iam_identities').where('boundary_arn', '=', policyArn).where('account_id', '=', accountId);
  return {
    async attachedPolicyArns(identityId) {
      const query = database.selectFrom('iam_attachments').select('policy_arn').where('identity_id', '=', identityId);
      return (await query.orderBy('attached_at').orderBy('policy_arn').execute()).map(row => row.policy_arn);
    },
    async identitiesWith(policyArn, accountId, { kind, usedAs, pathPrefix, after = '', limit }) {
      const attached = attachedTo(policyArn, accountId).select('identity.id');
      const bounded = boundedBy(policyArn, accountId).select('id');
      const ids = { attached, boundary: bounded, either: attached.union(bounded) }[usedAs ?? 'either'];
      let query = database
        .selectFrom('iam_identities')
        .selectAll()
        .where('id', 'in', ids)
        .where('id', '>', after)
        .where(sql<boolean>`substr(path, 1, ${pathPrefix.length}) = ${pathPrefix}`);
      if (kind !== undefined) query = query.where('kind', '=', kind);
      return (await query.orderBy('id').limit(limit).execute()).map(toIdentity);
    },
    async countAttachedTo(policyArn, accountId) {
      const query = attachedTo(policyArn, accountId).select(({ fn }) => fn.countAll<number | string>().as('count'));
      return Number((await query.executeTakeFirst())?.count ?? 0);
    },
    async countBoundedBy(policyArn, accountId) {
      const query = boundedBy(policyArn, accountId).select(({ fn }) => fn.countAll<number | string>().as('count'));
      return Number((await query.executeTakeFirst())?.count ?? 0);
    },
    async attach(identityId, policyArn, at) {
      await database
        .insertInto('iam_attachments')
        .values({ identity_id: identityId, policy_arn: policyArn, attached_at: at })
        .onConflict(conflict => conflict.doNothing())
        .execute();
    },
    async detach(identityId, policyArn) {
      const query = database
        .deleteFrom('iam_attachments')
        .where('identity_id', '=', identityId)
        .where('policy_arn', '=', policyArn);
      return (await query.executeTakeFirst()).numDeletedRows > 0n;
    },
    async policiesOn(identityIds) {
      const inline = await database
        .selectFrom('iam_inline_policies')
        .select('document')
        .where('identity_id', 'in', [...identityIds])
        .execute();
      const managed = await database
        .selectFrom('iam_attachments as attached')
        .leftJoin('iam_policies as policy', 'policy.arn', 'attached.policy_arn')
        .leftJoin('iam_policy_versions as version', join =>
          join.onRef('version.policy_arn', '=', 'policy.arn').onRef('version.version', '=', 'policy.default_version'),
        )
        .select(['attached.policy_arn as arn', 'version.document as document'])
        .where('attached.identity_id', 'in', [...identityIds])
        .execute();
      return [...inline.map(({ document }) => ({ arn: null, document })), ...managed];
    },
    async policyNamesOn(identityIds) {
      const attached = await database
        .selectFrom('iam_attachments')
        .select(['identity_id as identityId', 'policy_arn as policyArn'])
        .where('identity_id', 'in', [...identityIds])
        .orderBy('attached_at')
        .orderBy('policy_arn')
        .execute();
      const inline = await database
        .selectFrom('iam_inline_policies')
        .select(['identity_id as identityId', 'name', 'document'])
        .where('identity_id', 'in', [...identityIds])
        .orderBy('name')
        .execute();
      return { attached, inline };
    },
    async inlinePolicy(identityId, name) {
      const query = database
        .selectFrom('iam_inline_policies')
        .select('document')
        .where('identity_id', '=', identityId)
        .where('name', '=', name);
      return (await query.executeTakeFirst())?.document;
    },
    async inlinePolicies(identityId) {
      const query = database
        .selectFrom('iam_inline_policies')
        .select(['name', 'document'])
        .where('identity_id', '=', identityId);
      return await query.orderBy('name').execute();
    },
    async putInlinePolicy(identityId, name, document) {
      await database
        .insertInto('iam_inline_policies')
        .values({ identity_id: identityId, name, document })
        .onConflict(conflict => conflict.columns(['identity_id', 'name']).doUpdateSet({ document }))
        .execute();
    },
    async deleteInlinePolicy(identityId, name) {
      const query = database
        .deleteFrom('iam_inline_policies')
        .where('identity_id', '=', identityId)
        .where('name', '=', name);
      return (await query.executeTakeFirst()).numDeletedRows > 0n;
    },
  };
}

function toPolicy(row: Selectable<PolicyTable>): PolicyRow {
  return {
    arn: row.arn,
    id: row.id,
    accountId: row.account_id,
    name: row.name,
    path: row.path,
    description: row.description,
    defaultVersion: row.default_version,
    latestVersion: row.latest_version,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    tags: JSON.parse(row.tags),
  };
}

function toPolicyVersion(row: Selectable<IamSchema['iam_policy_versions']>): PolicyVersionRow {
  return { policyArn: row.policy_arn, version: row.version, document: row.document, createdAt: row.created_at };
}
