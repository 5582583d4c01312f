import type { Route } from '../../domain/route.ts';
import type { LikenessDependencies } from './dependencies.ts';

const LITTLE_DISK_BYTES = 2 * 1024 ** 3;

/** What the running service has to work with; `likeness doctor` checks a machine before the start. */
export function doctorRoutes({ version, machine }: Pick<LikenessDependencies, 'version' | 'machine'>): Route[] {
  return [
    {
      method: 'GET',
      path: '/doctor',
      action: 'GetDoctor',
      async handle() {
        const facts = await machine.facts();
        const warnings = [
          ...(facts.freeDiskBytes < LITTLE_DISK_BYTES
            ? ['Less than 2 GiB of disk is free: a training needs about 1.']
            : []),
          ...(facts.sandboxProblem === null ? [] : [`Workers run without a sandbox: ${facts.sandboxProblem}`]),
        ];
        return { json: { version, ...facts, warnings } };
      },
    },
  ];
}
