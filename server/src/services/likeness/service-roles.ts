import { Fault } from '../../domain/fault.ts';
import type { Route, RouteInput } from '../../domain/route.ts';
import { SERVICE_ROLE_WORK, type ServiceRoleJobType } from '../../domain/service-role-work.ts';
import type { LikenessDependencies } from './dependencies.ts';

const MOST_PLACES = 20;

/** "Create a role for me": whoever may make roles gets one with exactly what a job of a kind needs. */
export function serviceRoleRoutes({ serviceRoles }: Pick<LikenessDependencies, 'serviceRoles'>): Route[] {
  return [
    {
      method: 'POST',
      path: '/service-roles',
      action: 'CreateServiceRole',
      shownMembers: ['roleName', 'jobType', ...Object.values(SERVICE_ROLE_WORK).map(({ reads }) => reads), 'output'],
      authorize({ body }, ctx) {
        const resource = `arn:aws:iam::${ctx.accountId}:role/${typeof body.roleName === 'string' ? body.roleName : ''}`;
        // No way around IAM: who may not make a role there may not make one here.
        return [{ resource }, { action: 'iam:CreateRole', resource }, { action: 'iam:PutRolePolicy', resource }];
      },
      async handle(input, { accountId, region }) {
        const jobType = readJobType(input);
        const work = SERVICE_ROLE_WORK[jobType];
        const roleName = text(input, 'roleName');
        refuseMembersOfOthers(input, jobType);
        const given = input.body[work.reads];
        const reads: unknown[] = Array.isArray(given) ? given : [];
        if (reads.length === 0 || reads.length > MOST_PLACES || !reads.every(place => typeof place === 'string'))
          throw new Fault('invalid', `${work.reads} must be a list of 1 to ${MOST_PLACES} S3 URIs.`);
        const output = work.writeActions.length === 0 ? undefined : text(input, 'output');
        const request = { accountId, region, roleName, jobType, reads: reads.map(String), output };
        return { status: 201, json: await serviceRoles.create(request) };
      },
    },
  ];
}

/** Without one it is for fine-tuning. */
function readJobType({ body }: RouteInput): ServiceRoleJobType {
  const { jobType = 'model-customization-job' } = body;
  if (typeof jobType === 'string' && Object.hasOwn(SERVICE_ROLE_WORK, jobType)) return jobType as ServiceRoleJobType;
  const known = Object.keys(SERVICE_ROLE_WORK).join(', ');
  throw new Fault('invalid', `jobType must be one of ${known}; you sent ${JSON.stringify(jobType)}.`);
}

/** A place that is named and that the role would not reach is a mistake, not to be told by a failed job. */
function refuseMembersOfOthers({ body }: RouteInput, jobType: ServiceRoleJobType): void {
  const own = SERVICE_ROLE_WORK[jobType];
  const places = [...Object.values(SERVICE_ROLE_WORK).map(({ reads }) => reads), 'output'];
  const taken = [own.reads, ...(own.writeActions.length > 0 ? ['output'] : [])];
  const foreign = places.find(name => body[name] !== undefined && !taken.includes(name));
  if (foreign !== undefined)
    throw new Fault('invalid', `${foreign} is not a member for jobType ${jobType}; give ${taken.join(' and ')}.`);
}

function text({ body }: RouteInput, name: string): string {
  const value = body[name];
  if (typeof value !== 'string')
    throw new Fault('invalid', `${name} must be a string; you sent ${JSON.stringify(value)}.`);
  return value;
}
