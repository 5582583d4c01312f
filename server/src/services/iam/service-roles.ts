import { identityArn } from '../../domain/access/identity.ts';
import { Fault } from '../../domain/fault.ts';
import type { ServiceRoleRequest, ServiceRoles } from '../../ports/service-roles.ts';
import { checkTrustPolicy, type IamDependencies, insertIdentity } from './identities.ts';

const POLICY_NAME = 'fine-tuning-data';

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
      const trustPolicy = trustOf(request);
      const permissions = permissionsOf(
        request.trainingData.map(uri => placeOf(uri, 'trainingData')),
        placeOf(request.output, 'output'),
      );
      const role = await deps.store.transaction(async ({ iam }) => {
        const document = JSON.stringify(trustPolicy);
        await checkTrustPolicy(iam, request.accountId, document);
        const row = await insertIdentity(deps, iam, {
          ...{ kind: 'role', accountId: request.accountId, name: request.roleName, path: '/' },
          ...{ tags: {}, boundaryArn: null, trustPolicy: document, maximumSessionSeconds: 3600 },
          description: 'Reads the data of fine-tuning jobs and writes their metrics',
        });
        await iam.putInlinePolicy(row.id, POLICY_NAME, JSON.stringify(permissions));
        return row;
      });
      return { roleArn: identityArn(role), trustPolicy, permissions };
    },
  };
}

/** AWS: the service, for this account's jobs only (user guide, model-customization-iam-role). */
function trustOf({ accountId, region }: ServiceRoleRequest) {
  return {
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: { Service: 'bedrock.amazonaws.com' },
        Action: 'sts:AssumeRole',
        Condition: {
          StringEquals: { 'aws:SourceAccount': accountId },
          ArnLike: { 'aws:SourceArn': `arn:aws:bedrock:${region}:${accountId}:model-customization-job/*` },
        },
      },
    ],
  };
}

function permissionsOf(reads: readonly Place[], output: Place) {
  const objects = ({ bucket, prefix }: Place) => `arn:aws:s3:::${bucket}/${prefix}*`;
  const buckets = [...new Set([...reads, output].map(place => `arn:aws:s3:::${place.bucket}`))];
  return {
    Version: '2012-10-17',
    Statement: [
      { Sid: 'ReadTrainingData', Effect: 'Allow', Action: 's3:GetObject', Resource: [...new Set(reads.map(objects))] },
      { Sid: 'FindBuckets', Effect: 'Allow', Action: 's3:ListBucket', Resource: buckets },
      // A job first writes an object and takes it away again, so that it does not fail after hours.
      { Sid: 'WriteMetrics', Effect: 'Allow', Action: ['s3:PutObject', 's3:DeleteObject'], Resource: objects(output) },
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
