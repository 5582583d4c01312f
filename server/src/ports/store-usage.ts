import type { UsageCount, UsageKey, UsageSpan } from '../domain/usage.ts';
import type { BedrockScope } from './bedrock-lists.ts';

/**
 * The usage ledger. Write to it in the transaction that acknowledges what it tells of: then none of it is lost, and none is
 * there twice.
 */
export interface UsageRows {
  /** Adds to what a resource has used on the day of `at`. */
  count(key: UsageKey, quantity: number, at: number): Promise<void>;
  /** From now on the resource is held; nothing changes where it is already. */
  beginSpan(key: UsageKey, quantity: number, at: number): Promise<void>;
  /** It is held no more; nothing changes where it is not. */
  endSpan(key: Pick<UsageKey, 'resourceArn' | 'dimension'>, at: number): Promise<void>;
  /** What touches a window, from (included) to (excluded). */
  recorded(
    scope: BedrockScope,
    window: { from: number; to: number },
  ): Promise<{ counts: UsageCount[]; spans: UsageSpan[] }>;
}
