import { formatArn, parseArn } from '../../domain/arn.ts';
import { Fault } from '../../domain/fault.ts';
import type { RequestContext } from '../../domain/operation.ts';
import type { BedrockScope } from '../../ports/store-bedrock.ts';

export type ResourceKind =
  | 'model-customization-job'
  | 'custom-model'
  | 'provisioned-model'
  | 'custom-model-deployment'
  | 'model-invocation-job'
  | 'model-copy-job'
  | 'model-import-job'
  | 'imported-model';

const nouns: Readonly<Record<ResourceKind, string>> = {
  'model-customization-job': 'model customization job',
  'custom-model': 'custom model',
  'provisioned-model': 'provisioned model',
  'custom-model-deployment': 'custom model deployment',
  'model-invocation-job': 'batch inference job',
  'model-copy-job': 'model copy job',
  'model-import-job': 'model import job',
  'imported-model': 'imported model',
};

export function scopeOf(ctx: RequestContext): BedrockScope {
  return { accountId: ctx.accountId, region: ctx.region };
}

/** @param path what follows the kind: the id, or base model id and id */
export function resourceArn(scope: BedrockScope, kind: ResourceKind, path: string): string {
  return formatArn({ service: 'bedrock', ...scope, resource: `${kind}/${path}` });
}

/** The id that an ARN of this account and Region ends with; undefined where it names something else. */
export function idOfArn(text: string, kind: ResourceKind, scope: BedrockScope): string | undefined {
  const arn = parseArn(text);
  if (arn?.service !== 'bedrock' || arn.region !== scope.region || arn.accountId !== scope.accountId) return undefined;
  const [found, ...path] = arn.resource.split('/');
  return found === kind ? path.at(-1) : undefined;
}

/**
 * Finds what a name or an ARN names. An ARN must be the resource's own to the letter, so that one with another base
 * model, account or Region finds nothing.
 */
export async function findByIdentifier<Row>(
  identifier: string,
  kind: ResourceKind,
  scope: BedrockScope,
  lookup: {
    byId(id: string): Promise<Row | undefined>;
    byName(name: string): Promise<Row | undefined>;
    arnOf(row: Row): string;
  },
): Promise<Row | undefined> {
  if (!identifier.startsWith('arn:')) return lookup.byName(identifier);
  const id = idOfArn(identifier, kind, scope);
  const row = id === undefined ? undefined : await lookup.byId(id);
  return row !== undefined && lookup.arnOf(row) === identifier ? row : undefined;
}

export function notFound(kind: ResourceKind, identifier: string, scope: BedrockScope): Fault {
  return new Fault('notFound', `There is no ${nouns[kind]} ${identifier} in ${scope.region} of this account.`, {
    resource: identifier,
  });
}

/** What to ask the policy engine about when nothing of that name exists: the answer is the same refusal or not found. */
export function absentArn(kind: ResourceKind, identifier: string, scope: BedrockScope): string {
  return identifier.startsWith('arn:') ? identifier : resourceArn(scope, kind, identifier);
}

/** `aws:ResourceTag/…` conditions. */
export function resourceTagConditions(tags: readonly { key: string; value: string }[]): Record<string, string> {
  return Object.fromEntries(tags.map(tag => [`aws:ResourceTag/${tag.key}`, tag.value]));
}
