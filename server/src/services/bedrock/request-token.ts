import { createHash } from 'node:crypto';
import { Fault } from '../../domain/fault.ts';
import type { RequestContext } from '../../domain/operation.ts';
import type { Rows, Store } from '../../ports/store.ts';
import { scopeOf } from './identifiers.ts';

/** How long a clientRequestToken is remembered: twice the day that AWS's clients may count on. */
const REMEMBERED_MILLISECONDS = 48 * 60 * 60 * 1000;

interface TokenInput {
  clientRequestToken?: string | undefined;
}

/** A create call as its clientRequestToken knows it. */
export interface RememberedRequest {
  /** The ARN answered to the same request before, if any. @throws Fault when its parameters were others */
  earlierAnswer(rows: Rows): Promise<string | undefined>;
  /** Remembers the answer; call in the transaction that makes the resource. */
  remember(rows: Rows, resourceArn: string): Promise<void>;
}

/**
 * Makes a create call idempotent: the same token with the same parameters gets the same answer and makes nothing; with
 * other parameters it is a conflict.
 * @param refusal `invalid` where AWS models no ConflictException for the operation
 */
export function rememberedRequest(
  input: TokenInput,
  ctx: RequestContext,
  refusal: 'conflict' | 'invalid' = 'conflict',
): RememberedRequest {
  const { clientRequestToken: token, ...parameters } = input;
  const parametersSha256 = createHash('sha256').update(canonicalJson(parameters)).digest('hex');
  const scope = scopeOf(ctx);
  return {
    async earlierAnswer(rows) {
      if (token === undefined) return undefined;
      const found = await rows.bedrock.findRequestToken(scope, ctx.operation, token);
      if (found && found.parametersSha256 !== parametersSha256)
        throw new Fault(
          refusal,
          `clientRequestToken ${token} was used before with other parameters; send a new token for a new request.`,
        );
      return found?.resourceArn;
    },
    async remember(rows, resourceArn) {
      if (token === undefined) return;
      const createdAt = ctx.now.getTime();
      await rows.bedrock.deleteRequestTokensBefore(createdAt - REMEMBERED_MILLISECONDS);
      const { operation } = ctx;
      await rows.bedrock.insertRequestToken({ ...scope, operation, token, parametersSha256, resourceArn, createdAt });
    },
  };
}

/**
 * Looks for an earlier answer before anything is checked: a repeated request must succeed although its name is taken by
 * now, and by itself.
 */
export function earlierAnswer(store: Store, request: RememberedRequest): Promise<string | undefined> {
  return store.read(rows => request.earlierAnswer(rows));
}

/** JSON with sorted keys: the order in which a client writes members is no difference. */
function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, member: unknown) =>
    typeof member === 'object' && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  );
}
