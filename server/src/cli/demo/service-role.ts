import { AttachRolePolicyCommand, CreatePolicyCommand, CreateRoleCommand } from '@aws-sdk/client-iam';
import type { DemoClients } from './clients.ts';
import { plan } from './plan.ts';

/** Who may assume the role: the service, for this account's jobs only (the seed system's notebook has the same). */
export function trustPolicy(accountId: string, region: string) {
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

/** What a job needs: read its pictures, write its metrics. */
export function dataPolicy(bucket: string) {
  return {
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Action: ['s3:GetObject', 's3:PutObject', 's3:ListBucket'],
        Resource: [`arn:aws:s3:::${bucket}`, `arn:aws:s3:::${bucket}/*`],
      },
    ],
  };
}

/** @returns the role's ARN */
export async function createServiceRole(
  { iam }: DemoClients,
  { accountId, region, bucket }: { accountId: string; region: string; bucket: string },
): Promise<string> {
  const role = await iam.send(
    new CreateRoleCommand({
      RoleName: plan.roleName,
      AssumeRolePolicyDocument: JSON.stringify(trustPolicy(accountId, region)),
    }),
  );
  const policy = await iam.send(
    new CreatePolicyCommand({ PolicyName: plan.policyName, PolicyDocument: JSON.stringify(dataPolicy(bucket)) }),
  );
  await iam.send(new AttachRolePolicyCommand({ RoleName: plan.roleName, PolicyArn: policy.Policy?.Arn }));
  return role.Role?.Arn ?? '';
}
