import type { Operation, RequestContext } from '../../domain/operation.ts';
import { findIdentity, type IamDependencies, identityQuestion } from './identities.ts';
import { callerName } from './users.ts';

interface UserInput {
  UserName?: string | undefined;
}

/**
 * Lists of what cannot be made here, and so is not there: Terraform asks for all of them before it deletes a user, and
 * auditing tools on their rounds.
 */
export function absentThingOperations(deps: IamDependencies) {
  const ofUser = <Output extends object>(output: Output): Operation<UserInput, Output> => ({
    authorize: (input: UserInput, ctx: RequestContext) =>
      input.UserName === undefined
        ? [{ resource: ctx.principal.arn }]
        : identityQuestion(deps, 'user', input.UserName, ctx),
    async handle(input, ctx) {
      const name = input.UserName ?? callerName(ctx);
      if (name !== null) await deps.store.read(({ iam }) => findIdentity(iam, 'user', ctx.accountId, name));
      return output;
    },
  });
  const ofAccount = <Output extends object>(output: Output): Operation<object, Output> => ({
    authorize: () => [{ resource: '*' }],
    handle: async () => output,
  });

  return {
    ListMFADevices: ofUser({ MFADevices: [], IsTruncated: false }),
    ListSSHPublicKeys: ofUser({ SSHPublicKeys: [], IsTruncated: false }),
    ListSigningCertificates: ofUser({ Certificates: [], IsTruncated: false }),
    ListVirtualMFADevices: ofAccount({ VirtualMFADevices: [], IsTruncated: false }),
    ListServerCertificates: ofAccount({ ServerCertificateMetadataList: [], IsTruncated: false }),
    ListSAMLProviders: ofAccount({ SAMLProviderList: [] }),
    ListOpenIDConnectProviders: ofAccount({ OpenIDConnectProviderList: [] }),
  } satisfies Record<string, Operation<never, unknown>>;
}
