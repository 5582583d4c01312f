import { identityArn } from '../../domain/access/identity.ts';
import { Fault } from '../../domain/fault.ts';
import { SERVICE_ROLE_WORK } from '../../domain/service-role-work.ts';
import type { ServiceRoleRequest, ServiceRoles } from '../../ports/service-roles.ts';
import { checkTrustPolicy, type IamDependencies, insertIdentity } from './identities.ts';

interface Place {
  bucket: string;
  /** Without a slash before it; '' for the whole bucket. */
  prefix: string;
}

export function createServiceRoles(deps: IamDependencies): ServiceRoles {
  return {
    async create(request) {
      if (!/^[\w+=,.@-]{1,64}$/.test(request.roleName))
        throw new Fault(
          'invalid',
          `roleName must be 1 to 64 letters, digits or +=,.@-_; you sent "${request.roleName}".`,
        );
      const work = SERVICE_ROLE_WORK[request.jobType];
      const trustPolicy = trustOf(request);
      const permissions = permissionsOf(
        request.reads.map(uri => placeOf(uri, work.reads)),
        request.output === undefined ? undefined : placeOf(request.output, 'output'),
        work.writeActions,
      );
      const role = await deps.store.transaction(async ({ iam }) => {
        const document = JSON.stringify(trustPolicy);
        await checkTrustPolicy(iam, request.accountId, document);
        const row = await insertIdentity(deps, iam, {
          ...{ kind: 'role', accountId: request.accountId, name: request.roleName, path: '/' },
          ...{ tags: {}, boundaryArn: null, trustPolicy: document, maximumSessionSeconds: 3600 },
          description: work.description,
        });
        await iam.putInlinePolicy(row.id, work.policyName, JSON.stringify(permissions));
        return row;
      });
      return { roleArn: identityArn(role), trustPolicy, permissions };
    },
  };
}

/** AWS: the service, for this account's jobs only (user guide, model-customization-iam-role, batch-iam-sr). */
function trustOf({ accountId, region, jobType }: ServiceRoleRequest) {
  const sources = SERVICE_ROLE_WORK[jobType].sources.map(source => `arn:aws:bedrock:${region}:${accountId}:${source}`);
  return {
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: { Service: 'bedrock.amazonaws.com' },
        Action: 'sts:AssumeRole',
        Condition: {
          StringEquals: { 'aws:SourceAccount': accountId },
          ArnLike: { 'aws:SourceArn': sources.length === 1 ? sources[0] : sources },
        },
      },
    ],
  };
}

function permissionsOf(reads: readonly Place[], output: Place | undefined, writeActions: readonly string[]) {
  const objects = ({ bucket, prefix }: Place) => `arn:aws:s3:::${bucket}/${prefix}*`;
  const places = output === undefined ? reads : [...reads, output];
  const buckets = [...new Set(places.map(({ bucket }) => `arn:aws:s3:::${bucket}`))];
  return {
    Version: '2012-10-17',
    Statement: [
      { Sid: 'ReadData', Effect: 'Allow', Action: 's3:GetObject', Resource: [...new Set(reads.map(objects))] },
      { Sid: 'FindBuckets', Effect: 'Allow', Action: 's3:ListBucket', Resource: buckets },
      ...(output === undefined
        ? []
        : [{ Sid: 'WriteOutput', Effect: 'Allow', Action: writeActions, Resource: objects(output) }]),
    ],
  };
}

/** @throws Fault invalid naming the member; a prefix may not hold the wildcards and variables of policies */
function placeOf(uri: string, member: string): Place {
  const [, bucket, prefix = ''] = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/([^*?$]{0,1000}))?$/.exec(uri) ?? [];
  if (bucket === undefined)
    throw new Fault('invalid', `${member} must be like s3://bucket/prefix, without *, ? and $; you sent "${uri}".`);
  return { bucket, prefix };
}
