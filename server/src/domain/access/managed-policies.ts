/** As the rows of a customer's policy are, so that both are read alike. */
interface AwsPolicy {
  policy: {
    arn: string;
    id: string;
    accountId: string;
    name: string;
    path: string;
    description: string;
    defaultVersion: number;
    latestVersion: number;
    createdAt: string;
    updatedAt: string;
    tags: Record<string, string>;
  };
  version: { policyArn: string; version: number; document: string; createdAt: string };
}

interface ManagedPolicy {
  name: string;
  description: string;
  statements: readonly object[];
}

const ANYTHING_FOR = (...actions: string[]): object => ({ Effect: 'Allow', Action: actions, Resource: '*' });

/** Our own words for the AWS-managed policies that this flow's users attach; same names, no more than the services here. */
const MANAGED_POLICIES: readonly ManagedPolicy[] = [
  { name: 'AdministratorAccess', description: 'Everything.', statements: [ANYTHING_FOR('*')] },
  {
    name: 'PowerUserAccess',
    description: 'Everything but IAM.',
    statements: [
      { Effect: 'Allow', NotAction: 'iam:*', Resource: '*' },
      ANYTHING_FOR('iam:GetAccountSummary', 'iam:ListRoles'),
    ],
  },
  {
    name: 'ReadOnlyAccess',
    description: 'Reading of everything.',
    statements: [
      ANYTHING_FOR(
        'bedrock:Get*',
        'bedrock:List*',
        'iam:Get*',
        'iam:List*',
        'kms:Describe*',
        'kms:Get*',
        'kms:List*',
        's3:Get*',
        's3:List*',
        'sts:GetAccessKeyInfo',
        'sts:GetCallerIdentity',
        'likeness:Get*',
        'likeness:List*',
      ),
    ],
  },
  { name: 'AmazonS3FullAccess', description: 'Everything in S3.', statements: [ANYTHING_FOR('s3:*')] },
  {
    name: 'AmazonS3ReadOnlyAccess',
    description: 'Reading of every bucket.',
    statements: [ANYTHING_FOR('s3:Get*', 's3:List*', 's3:Describe*')],
  },
  {
    name: 'AmazonBedrockFullAccess',
    description: 'Everything in Bedrock, and passing roles to it whose names say so.',
    statements: [
      ANYTHING_FOR('bedrock:*'),
      ANYTHING_FOR('kms:DescribeKey'),
      ANYTHING_FOR('iam:ListRoles', 's3:ListAllMyBuckets'),
      {
        Effect: 'Allow',
        Action: 'iam:PassRole',
        Resource: 'arn:aws:iam::*:role/*AmazonBedrock*',
        Condition: { StringEquals: { 'iam:PassedToService': 'bedrock.amazonaws.com' } },
      },
    ],
  },
  {
    name: 'AmazonBedrockReadOnly',
    description: 'Reading of everything in Bedrock.',
    statements: [ANYTHING_FOR('bedrock:Get*', 'bedrock:List*')],
  },
  { name: 'IAMFullAccess', description: 'Everything in IAM.', statements: [ANYTHING_FOR('iam:*')] },
  {
    name: 'IAMReadOnlyAccess',
    description: 'Reading of everything in IAM.',
    statements: [ANYTHING_FOR('iam:Get*', 'iam:List*')],
  },
  {
    name: 'AWSKeyManagementServicePowerUser',
    description: 'Making and reading of keys; using them is for their key policies to allow.',
    statements: [
      ANYTHING_FOR('kms:CreateAlias', 'kms:CreateKey', 'kms:DeleteAlias', 'kms:Describe*', 'kms:Get*', 'kms:List*'),
      ANYTHING_FOR('kms:TagResource', 'kms:UntagResource', 'iam:ListGroups', 'iam:ListRoles', 'iam:ListUsers'),
    ],
  },
];

/** AWS-managed policies belong to no account; the same rows in every one. */
const EPOCH = '2015-02-06T18:39:46.000Z';

const ROWS: ReadonlyMap<string, AwsPolicy> = new Map(
  MANAGED_POLICIES.map(({ name, description, statements }) => {
    const arn = `arn:aws:iam::aws:policy/${name}`;
    const policy = {
      arn,
      id: `ANPA${name.toUpperCase().padEnd(17, 'X').slice(0, 17)}`,
      accountId: 'aws',
      name,
      path: '/',
      description,
      defaultVersion: 1,
      latestVersion: 1,
      createdAt: EPOCH,
      updatedAt: EPOCH,
      tags: {},
    };
    const document = JSON.stringify({ Version: '2012-10-17', Statement: statements });
    return [arn, { policy, version: { policyArn: arn, version: 1, document, createdAt: EPOCH } }];
  }),
);

/** @returns the AWS-managed policy of an ARN (`arn:aws:iam::aws:policy/…`), if it is one of those that are kept here */
export function awsManagedPolicy(arn: string): AwsPolicy | undefined {
  return ROWS.get(arn);
}

export function awsManagedPolicies(): AwsPolicy['policy'][] {
  return [...ROWS.values()].map(row => row.policy);
}
