import { Fault } from '../../domain/fault.ts';
import type { Route } from '../../domain/route.ts';
import type { LikenessDependencies } from './dependencies.ts';

/** Where the installation keeps its data: what its commands need in `--data`. For the first account alone, whose keys they print. */
export function dataFolderRoutes({
  accounts,
  dataDirectory,
}: Pick<LikenessDependencies, 'accounts' | 'dataDirectory'>): Route[] {
  return [
    {
      method: 'GET',
      path: '/data-folder',
      action: 'GetDataFolder',
      async authorize(_input, ctx) {
        if (!(await accounts.isFirst(ctx.accountId)))
          throw new Fault(
            'denied',
            `Only the first account of this installation is told its data folder; you are ${ctx.principal.arn}.`,
          );
        return [{ resource: `arn:aws:likeness:${ctx.region}:${ctx.accountId}:*` }];
      },
      handle: async () => ({ json: { path: dataDirectory } }),
    },
  ];
}
