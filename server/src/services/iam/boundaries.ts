import type { Operation } from '../../domain/operation.ts';
import { checkBoundary, findIdentity, type IamDependencies, identityQuestion } from './identities.ts';

interface BoundaryInput {
  UserName?: string | undefined;
  RoleName?: string | undefined;
  PermissionsBoundary?: string | undefined;
}

/** Permissions boundaries: the managed policy beyond which a user or role may do nothing. */
export function boundaryOperations(deps: IamDependencies) {
  const nameOf = (kind: 'user' | 'role', input: BoundaryInput) =>
    (kind === 'user' ? input.UserName : input.RoleName) ?? '';

  const set = (kind: 'user' | 'role'): Operation<BoundaryInput, object> => ({
    async authorize(input, ctx) {
      const requests = await identityQuestion(deps, kind, nameOf(kind, input), ctx);
      return requests.map(request => ({
        ...request,
        conditions: {
          ...request.conditions,
          ...(input.PermissionsBoundary && { 'iam:PermissionsBoundary': input.PermissionsBoundary }),
        },
      }));
    },
    async handle(input, ctx) {
      return await deps.store.transaction(async ({ iam }) => {
        const identity = await findIdentity(iam, kind, ctx.accountId, nameOf(kind, input));
        const boundaryArn = await checkBoundary(iam, ctx.accountId, input.PermissionsBoundary);
        await iam.updateIdentity(identity.id, { boundaryArn });
        return {};
      });
    },
  });

  return {
    PutRolePermissionsBoundary: set('role'),
    PutUserPermissionsBoundary: set('user'),
    // Without the member that names a policy, the same change takes the boundary away.
    DeleteRolePermissionsBoundary: set('role'),
    DeleteUserPermissionsBoundary: set('user'),
  } satisfies Record<string, Operation<never, unknown>>;
}
