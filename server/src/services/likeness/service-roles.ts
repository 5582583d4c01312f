import { Fault } from '../../domain/fault.ts';
import type { Route, RouteInput } from '../../domain/route.ts';
import type { LikenessDependencies } from './dependencies.ts';

const MOST_PLACES = 20;

/** "Create a role for me": whoever may make roles gets one with exactly what a fine-tuning job needs. */
export function serviceRoleRoutes({ serviceRoles }: Pick<LikenessDependencies, 'serviceRoles'>): Route[] {
  return [
    {
      method: 'POST',
      path: '/service-roles',
      action: 'CreateServiceRole',
      shownMembers: ['roleName', 'trainingData', 'output'],
      authorize({ body }, ctx) {
        const resource = `arn:aws:iam::${ctx.accountId}:role/${typeof body.roleName === 'string' ? body.roleName : ''}`;
        // No way around IAM: who may not make a role there may not make one here.
        return [{ resource }, { action: 'iam:CreateRole', resource }, { action: 'iam:PutRolePolicy', resource }];
      },
      async handle(input, { accountId, region }) {
        const [roleName, output] = [text(input, 'roleName'), text(input, 'output')];
        const { trainingData } = input.body;
        const places: unknown[] = Array.isArray(trainingData) ? trainingData : [];
        if (places.length === 0 || places.length > MOST_PLACES || !places.every(place => typeof place === 'string'))
          throw new Fault('invalid', `trainingData must be a list of 1 to ${MOST_PLACES} S3 URIs.`);
        const request = { accountId, region, roleName, output, trainingData: places.map(String) };
        return { status: 201, json: await serviceRoles.create(request) };
      },
    },
  ];
}

function text({ body }: RouteInput, name: string): string {
  const value = body[name];
  if (typeof value !== 'string')
    throw new Fault('invalid', `${name} must be a string; you sent ${JSON.stringify(value)}.`);
  return value;
}
