import { createHash } from 'node:crypto';
import { Fault } from '../../domain/fault.ts';
import type { RequestContext } from '../../domain/operation.ts';
import type { ListOptions } from '../../ports/store-bedrock.ts';
import { scopeOf } from './identifiers.ts';

/** Rows in a page where the request does not say. */
const DEFAULT_PAGE_SIZE = 100;

/** What the list operations of Bedrock have in common. */
interface ListInput {
  creationTimeAfter?: Date | undefined;
  creationTimeBefore?: Date | undefined;
  nameContains?: string | undefined;
  maxResults?: number | undefined;
  nextToken?: string | undefined;
  sortOrder?: 'Ascending' | 'Descending' | undefined;
}

/**
 * The list options of a request. The default order is newest first.
 * @throws Fault invalid for a nextToken that this very list did not give out
 */
export function listOptions(input: ListInput, ctx: RequestContext): ListOptions {
  return {
    createdAfter: input.creationTimeAfter?.getTime(),
    createdBefore: input.creationTimeBefore?.getTime(),
    nameContains: input.nameContains,
    sortOrder: input.sortOrder ?? 'Descending',
    limit: input.maxResults ?? DEFAULT_PAGE_SIZE,
    position: input.nextToken === undefined ? undefined : readToken(input.nextToken, listDigest(input, ctx)),
  };
}

/** The token that goes on behind a page; a member to spread into the answer. */
export function nextToken(position: string | undefined, input: ListInput, ctx: RequestContext): { nextToken?: string } {
  if (position === undefined) return {};
  const text = Buffer.from(position).toString('base64url');
  return { nextToken: `${text}.${checkOf(position, listDigest(input, ctx))}` };
}

/** A token opens nothing (the account and the Region come from the signature), so a check against slips is enough. */
function readToken(token: string, digest: string): string {
  const [text = '', check] = token.split('.');
  const position = Buffer.from(text, 'base64url').toString();
  if (check !== checkOf(position, digest))
    throw new Fault(
      'invalid',
      'The provided nextToken is invalid: send the token of the page before, with the same filters and order.',
    );
  return position;
}

/** Tells one list from another: page size aside, a token belongs to its filters and its order. */
function listDigest({ nextToken: _token, maxResults: _size, ...filters }: ListInput, ctx: RequestContext): string {
  const { accountId, region } = scopeOf(ctx);
  const entries = Object.entries(filters)
    .filter(([, value]) => value !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([ctx.operation, accountId, region, entries]);
}

function checkOf(position: string, digest: string): string {
  return createHash('sha256').update(`${position}\n${digest}`).digest('base64url').slice(0, 16);
}
