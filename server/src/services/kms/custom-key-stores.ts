import type { DescribeCustomKeyStoresRequest, DescribeCustomKeyStoresResponse } from '@aws-sdk/client-kms';
import { Fault } from '../../domain/fault.ts';
import type { Operation } from '../../domain/operation.ts';

/** None can be made here, and so there is none: auditing tools ask on their rounds. */
export function customKeyStoreOperations() {
  return {
    DescribeCustomKeyStores: {
      authorize: (_input: DescribeCustomKeyStoresRequest) => [{ resource: '*' }],
      async handle(input: DescribeCustomKeyStoresRequest): Promise<DescribeCustomKeyStoresResponse> {
        const wanted = input.CustomKeyStoreId ?? input.CustomKeyStoreName;
        if (wanted !== undefined)
          throw new Fault('notFound', `There is no custom key store "${wanted}".`, {
            code: 'CustomKeyStoreNotFoundException',
          });
        return { CustomKeyStores: [], Truncated: false };
      },
    },
  } satisfies Record<string, Operation<never, unknown>>;
}
