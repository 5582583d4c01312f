import type { Rows } from '../ports/store.ts';
import type { BedrockScope } from '../ports/store-bedrock.ts';

/** The ledger's note that a custom model is stored from now on; call it in the transaction that makes the model Active. */
export function noteStoredModel(
  rows: Pick<Rows, 'usage'>,
  { accountId, region, modelArn }: BedrockScope & { modelArn: string },
  at: number,
): Promise<void> {
  const key = { accountId, region, resourceArn: modelArn, dimension: 'modelStorageMonths', variant: '' } as const;
  return rows.usage.beginSpan(key, 1, at);
}
