import type {
  CreateAccountAliasRequest,
  DeleteAccountAliasRequest,
  ListAccountAliasesRequest,
  ListAccountAliasesResponse,
} from '@aws-sdk/client-iam';
import type { Operation } from '../../domain/operation.ts';
import { alreadyExists, noSuchEntity, validationError } from './faults.ts';
import type { IamDependencies } from './identities.ts';

/** A form that a sign-in can tell from an account's id. */
const ALIAS = /^(?=.{3,63}$)(?!\d{12}$)[a-z0-9]+(-[a-z0-9]+)*$/;

/** The name of an account that people can type: one each, unique in the installation. */
export function accountAliasOperations(deps: IamDependencies) {
  return {
    CreateAccountAlias: {
      authorize: (_input: CreateAccountAliasRequest) => [{ resource: '*' }],
      async handle(input: CreateAccountAliasRequest, ctx): Promise<object> {
        const { AccountAlias: alias = '' } = input;
        if (!ALIAS.test(alias))
          throw validationError(
            `AccountAlias must be 3 to 63 lower-case letters, digits and single dashes between them; you sent "${alias}".`,
          );
        return await deps.store.transaction(async ({ iam }) => {
          const owner = await iam.accountWithAlias(alias);
          if (owner !== undefined) throw alreadyExists(`The account alias ${alias} already exists.`);
          // AWS: a new alias takes the place of the old one.
          await iam.putAccountAlias(ctx.accountId, alias);
          return {};
        });
      },
    },

    DeleteAccountAlias: {
      authorize: (_input: DeleteAccountAliasRequest) => [{ resource: '*' }],
      async handle(input: DeleteAccountAliasRequest, ctx): Promise<object> {
        const { AccountAlias: alias = '' } = input;
        return await deps.store.transaction(async ({ iam }) => {
          if ((await iam.accountAlias(ctx.accountId)) !== alias)
            throw noSuchEntity(`The account alias with name ${alias} cannot be found.`);
          await iam.deleteAccountAlias(ctx.accountId);
          return {};
        });
      },
    },

    ListAccountAliases: {
      authorize: (_input: ListAccountAliasesRequest) => [{ resource: '*' }],
      async handle(_input: ListAccountAliasesRequest, ctx): Promise<ListAccountAliasesResponse> {
        const alias = await deps.store.read(({ iam }) => iam.accountAlias(ctx.accountId));
        return { AccountAliases: alias === undefined ? [] : [alias], IsTruncated: false };
      },
    },
  } satisfies Record<string, Operation<never, unknown>>;
}
