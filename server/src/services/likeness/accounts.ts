import { Fault } from '../../domain/fault.ts';
import type { RequestContext } from '../../domain/operation.ts';
import type { Route } from '../../domain/route.ts';
import type { LikenessDependencies } from './dependencies.ts';

/** Accounts of the installation; only the first one's callers may ask, whatever their policies say. */
export function accountRoutes({ accounts }: Pick<LikenessDependencies, 'accounts'>): Route[] {
  const authorize = async (ctx: RequestContext, accountId = '*') => {
    if (!(await accounts.isFirst(ctx.accountId)))
      throw new Fault(
        'denied',
        `Only the first account of this installation administers accounts; you are ${ctx.principal.arn}.`,
      );
    return [{ resource: `arn:aws:likeness::${ctx.accountId}:account/${accountId}` }];
  };
  const change = (word: 'disable' | 'enable', action: string): Route => ({
    method: 'POST',
    path: `/accounts/{accountId}/${word}`,
    action,
    authorize: ({ params }, ctx) => authorize(ctx, params.accountId),
    handle: async ({ params }) => ({
      json: await accounts.setDisabled(params.accountId ?? '', word === 'disable'),
    }),
  });

  return [
    {
      method: 'POST',
      path: '/accounts',
      action: 'CreateAccount',
      shownMembers: ['accountId', 'name'],
      authorize: (_input, ctx) => authorize(ctx),
      async handle({ body }) {
        const { accountId, name = null } = body;
        if (typeof accountId !== 'string') throw new Fault('invalid', 'accountId must be a string of 12 digits.');
        if (name !== null && typeof name !== 'string') throw new Fault('invalid', 'name must be a string.');
        return { status: 201, json: await accounts.create({ accountId, name }) };
      },
    },
    {
      method: 'GET',
      path: '/accounts',
      action: 'ListAccounts',
      authorize: (_input, ctx) => authorize(ctx),
      handle: async () => ({ json: { accounts: await accounts.list() } }),
    },
    change('disable', 'DisableAccount'),
    change('enable', 'EnableAccount'),
  ];
}
