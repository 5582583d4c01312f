import { createHash } from 'node:crypto';

/** Access control lists of S3. https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html */
export type AclPermission = 'FULL_CONTROL' | 'READ' | 'WRITE' | 'READ_ACP' | 'WRITE_ACP';
export type AclGroup = 'AllUsers' | 'AuthenticatedUsers' | 'LogDelivery';
export type AclGrantee = { accountId: string } | { group: AclGroup };

export interface AclGrant {
  grantee: AclGrantee;
  permission: AclPermission;
}

/** Names of canned ACLs; those of EC2 (aws-exec-read) have nobody to mean here. */
export type CannedAcl =
  | 'private'
  | 'public-read'
  | 'public-read-write'
  | 'authenticated-read'
  | 'bucket-owner-read'
  | 'bucket-owner-full-control'
  | 'log-delivery-write';

export interface AclOwners {
  /** Account that owns the bucket or object that the list is of. */
  owner: string;
  bucketOwner: string;
}

/** A statement of a resource's policy, as JSON has it. */
export interface AclStatement {
  Effect: 'Allow';
  Principal: unknown;
  Action: readonly string[];
  Resource: '*';
  Condition?: Record<string, Record<string, readonly string[]>>;
}

type Actions = Readonly<Record<Exclude<AclPermission, 'FULL_CONTROL'>, readonly string[]>>;

const BUCKET_ACTIONS: Actions = {
  READ: ['s3:ListBucket', 's3:ListBucketVersions', 's3:ListBucketMultipartUploads'],
  WRITE: [],
  READ_ACP: ['s3:GetBucketAcl'],
  WRITE_ACP: ['s3:PutBucketAcl'],
};
const OBJECT_ACTIONS: Actions = {
  READ: ['s3:GetObject', 's3:GetObjectVersion'],
  WRITE: [],
  READ_ACP: ['s3:GetObjectAcl', 's3:GetObjectVersionAcl'],
  WRITE_ACP: ['s3:PutObjectAcl', 's3:PutObjectVersionAcl'],
};
const CREATING: Actions = { READ: [], WRITE: ['s3:PutObject'], READ_ACP: [], WRITE_ACP: [] };
const REPLACING: Actions = { ...CREATING, WRITE: ['s3:PutObject', 's3:DeleteObject'] };

/** The canonical user id of an account: 64 hex digits that stay the same, as S3 shows an owner. */
export function canonicalUserId(accountId: string): string {
  return createHash('sha256').update(`canonical user of account ${accountId}`).digest('hex');
}

/** The grants that a canned ACL stands for. */
export function cannedGrants(canned: CannedAcl, { owner, bucketOwner }: AclOwners): AclGrant[] {
  const grants: AclGrant[] = [{ grantee: { accountId: owner }, permission: 'FULL_CONTROL' }];
  const group = (name: AclGroup, ...permissions: AclPermission[]) =>
    grants.push(...permissions.map(permission => ({ grantee: { group: name }, permission })));
  if (canned === 'public-read') group('AllUsers', 'READ');
  if (canned === 'public-read-write') group('AllUsers', 'READ', 'WRITE');
  if (canned === 'authenticated-read') group('AuthenticatedUsers', 'READ');
  if (canned === 'log-delivery-write') group('LogDelivery', 'WRITE', 'READ_ACP');
  if (bucketOwner !== owner && canned.startsWith('bucket-owner-'))
    grants.push({
      grantee: { accountId: bucketOwner },
      permission: canned === 'bucket-owner-read' ? 'READ' : 'FULL_CONTROL',
    });
  return grants;
}

/** Whether a list is what every new bucket and object has: full control for its owner, nothing for others. */
export function isOwnersAlone(grants: readonly AclGrant[], owner: string): boolean {
  return (
    grants.length > 0 &&
    grants.every(
      ({ grantee, permission }) =>
        'accountId' in grantee && grantee.accountId === owner && permission === 'FULL_CONTROL',
    )
  );
}

/** AWS: public is what is granted to everybody, or to everybody with an account. */
export function isPublicGrant({ grantee }: AclGrant): boolean {
  return 'group' in grantee && grantee.group !== 'LogDelivery';
}

/** What a bucket's list lets do to the bucket itself. */
export function bucketAclStatements(grants: readonly AclGrant[]): AclStatement[] {
  return statements(grants, BUCKET_ACTIONS);
}

/** What an object's list lets do to it. */
export function objectAclStatements(grants: readonly AclGrant[]): AclStatement[] {
  return statements(grants, OBJECT_ACTIONS);
}

/**
 * What a bucket's list lets do to a key of it. AWS: WRITE creates objects; it replaces and deletes them for their owner
 * and for the bucket's.
 * @param existing owner of the object at the key, if there is one
 */
export function keyAclStatements(
  grants: readonly AclGrant[],
  bucketOwner: string,
  existing: string | undefined,
): AclStatement[] {
  if (existing === undefined) return statements(grants, CREATING);
  return statements(grants, REPLACING).map(statement => ({
    ...statement,
    Condition: {
      StringEquals: { ...statement.Condition?.StringEquals, 'aws:PrincipalAccount': [bucketOwner, existing] },
    },
  }));
}

function statements(grants: readonly AclGrant[], actions: Actions): AclStatement[] {
  return grants.flatMap(({ grantee, permission }) => {
    const Action = permission === 'FULL_CONTROL' ? Object.values(actions).flat() : actions[permission];
    return Action.length === 0
      ? []
      : [{ Effect: 'Allow', ...principalOf(grantee), Action, Resource: '*' } satisfies AclStatement];
  });
}

function principalOf(grantee: AclGrantee): Pick<AclStatement, 'Principal' | 'Condition'> {
  if ('accountId' in grantee) return { Principal: { AWS: `arn:aws:iam::${grantee.accountId}:root` } };
  switch (grantee.group) {
    case 'AllUsers':
      return { Principal: '*' };
    case 'AuthenticatedUsers':
      return {
        Principal: '*',
        Condition: { StringEquals: { 'aws:PrincipalType': ['Account', 'User', 'AssumedRole', 'FederatedUser'] } },
      };
    case 'LogDelivery':
      return { Principal: { Service: 'logging.s3.amazonaws.com' } };
  }
}
