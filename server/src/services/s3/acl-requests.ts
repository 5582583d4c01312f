import type { AccessControlPolicy, Grantee } from '@aws-sdk/client-s3';
import {
  type AclGrant,
  type AclGrantee,
  type AclGroup,
  type AclOwners,
  type AclPermission,
  type CannedAcl,
  cannedGrants,
  canonicalUserId,
  isPublicGrant,
} from '../../domain/access/acl.ts';
import type { RequestContext } from '../../domain/operation.ts';
import type { Rows } from '../../ports/store.ts';
import { headerNotImplemented, invalidArgument, s3Fault } from './faults.ts';
import { publicAccessBlock } from './public-policies.ts';

const GROUP_URIS: Readonly<Record<AclGroup, string>> = {
  AllUsers: 'http://acs.amazonaws.com/groups/global/AllUsers',
  AuthenticatedUsers: 'http://acs.amazonaws.com/groups/global/AuthenticatedUsers',
  LogDelivery: 'http://acs.amazonaws.com/groups/s3/LogDelivery',
};
const GRANT_HEADERS: Readonly<Record<string, AclPermission>> = {
  'x-amz-grant-full-control': 'FULL_CONTROL',
  'x-amz-grant-read': 'READ',
  'x-amz-grant-write': 'WRITE',
  'x-amz-grant-read-acp': 'READ_ACP',
  'x-amz-grant-write-acp': 'WRITE_ACP',
};
const FOR_ALL: readonly CannedAcl[] = ['private', 'public-read', 'public-read-write', 'authenticated-read'];
const FOR_OBJECTS: readonly CannedAcl[] = [...FOR_ALL, 'bucket-owner-read', 'bucket-owner-full-control'];
/** AWS: a bucket takes the two of its owner, which add nothing to it. */
const FOR_BUCKETS: readonly CannedAcl[] = [...FOR_OBJECTS, 'log-delivery-write'];
const MAXIMUM_GRANTS = 100;
/** How AWS names what is wrong with a grantee. */
const HEADER_NAMES = { id: 'id', uri: 'uri' };
const DOCUMENT_NAMES = { id: 'CanonicalUser/ID', uri: 'Group/URI' };

/** What a list that is asked for will be of. */
export interface AclSubject extends AclOwners {
  kind: 'bucket' | 'object';
}

type Headers = RequestContext['headers'];

/** Whether a request's headers name an ACL. */
export function namesAcl(headers: Headers): boolean {
  return headers['x-amz-acl'] !== undefined || Object.keys(GRANT_HEADERS).some(name => headers[name] !== undefined);
}

/**
 * The list that a request's headers ask for: a canned one, or grants one by one. Undefined where they name none.
 * @throws Fault InvalidArgument, InvalidRequest for both kinds at once, NotImplemented for aws-exec-read
 */
export async function aclOfHeaders(rows: Rows, headers: Headers, subject: AclSubject): Promise<AclGrant[] | undefined> {
  const canned = headers['x-amz-acl'];
  const named = Object.entries(GRANT_HEADERS).filter(([name]) => headers[name] !== undefined);
  if (canned !== undefined && named.length > 0)
    throw s3Fault('InvalidRequest', 'Specifying both Canned ACLs and Header Grants is not allowed');
  if (canned !== undefined) return cannedGrants(cannedName(canned, subject), subject);
  if (named.length === 0) return undefined;
  const grants: AclGrant[] = [];
  for (const [name, permission] of named)
    for (const part of (headers[name] ?? '').split(','))
      grants.push({ grantee: await granteeOf(rows, headerGrantee(name, part), subject, HEADER_NAMES), permission });
  return checkCount(grants);
}

/**
 * The list that an AccessControlPolicy gives.
 * @throws Fault MalformedACLError, InvalidArgument, AccessDenied where it names another owner
 */
export async function aclOfDocument(
  rows: Rows,
  { Grants = [], Owner }: AccessControlPolicy,
  subject: AclSubject,
): Promise<AclGrant[]> {
  if (Owner?.ID === undefined) throw malformedAcl('AccessControlPolicy takes an Owner with an ID.');
  if (Owner.ID !== canonicalUserId(subject.owner))
    throw s3Fault('AccessDenied', 'Access Denied: Owner of the AccessControlPolicy is not the owner of the resource.');
  const grants: AclGrant[] = [];
  for (const { Grantee, Permission } of Grants) {
    if (Grantee === undefined || Permission === undefined)
      throw malformedAcl('each Grant takes a Grantee and a Permission.');
    grants.push({ grantee: await granteeOf(rows, Grantee, subject, DOCUMENT_NAMES), permission: Permission });
  }
  return checkCount(grants);
}

/** How S3 shows a list. @param grants undefined: full control for the owner alone */
export function shownAcl(grants: readonly AclGrant[] | undefined, owner: string) {
  const shown = grants ?? cannedGrants('private', { owner, bucketOwner: owner });
  return {
    Owner: { ID: canonicalUserId(owner) },
    Grants: shown.map(({ grantee, permission }) => ({ Grantee: shownGrantee(grantee), Permission: permission })),
  };
}

/** @throws Fault AccessDenied for a public list where the bucket takes none */
export async function refusePublicAcl(rows: Rows, bucket: string, grants: readonly AclGrant[]): Promise<void> {
  if (grants.some(isPublicGrant) && (await publicAccessBlock(rows.s3, bucket))?.BlockPublicAcls)
    throw s3Fault(
      'AccessDenied',
      'Access Denied: public ACLs are prevented by the BlockPublicAcls setting in S3 Block Public Access.',
    );
}

/** AWS: what a bucket says that has no ACLs. */
export function aclsNotSupported(): Error {
  return s3Fault('AccessControlListNotSupported', 'The bucket does not allow ACLs');
}

/** AWS: the same of a bucket that is made, and of one that has a list when its ACLs are turned off. */
export function bucketAclWithoutAcls(): Error {
  return s3Fault(
    'InvalidBucketAclWithObjectOwnership',
    "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting",
  );
}

function cannedName(text: string, { kind }: AclSubject): CannedAcl {
  const known = (kind === 'bucket' ? FOR_BUCKETS : FOR_OBJECTS).find(name => name === text);
  if (known !== undefined) return known;
  if (text === 'aws-exec-read')
    throw headerNotImplemented('x-amz-acl', 'There is no EC2 that aws-exec-read could mean.');
  throw invalidArgument('x-amz-acl', text, `Invalid canned ACL of a${kind === 'object' ? 'n object' : ' bucket'}`);
}

function headerGrantee(header: string, part: string): Grantee {
  const [, type, value = ''] = /^\s*(id|uri|emailAddress)\s*=\s*"?([^"]*?)"?\s*$/.exec(part) ?? [];
  if (type === 'id') return { Type: 'CanonicalUser', ID: value };
  if (type === 'uri') return { Type: 'Group', URI: value };
  if (type === 'emailAddress') return { Type: 'AmazonCustomerByEmail', EmailAddress: value };
  throw invalidArgument(header, part.trim(), 'A grant is id="…" or uri="…", several with commas between');
}

async function granteeOf(
  { iam }: Rows,
  { ID, URI, EmailAddress }: Grantee,
  subject: AclSubject,
  names: typeof HEADER_NAMES,
): Promise<AclGrantee> {
  if (EmailAddress !== undefined)
    throw s3Fault(
      'UnresolvableGrantByEmailAddress',
      'The e-mail address you provided does not match any account on record. Accounts here have none: name the canonical user id.',
    );
  if (URI !== undefined) {
    const group = Object.entries(GROUP_URIS).find(([, uri]) => uri === URI)?.[0];
    if (group === undefined) throw invalidArgument(names.uri, URI, 'Invalid group uri');
    return { group: group as AclGroup };
  }
  for (const accountId of [subject.owner, subject.bucketOwner])
    if (canonicalUserId(accountId) === ID) return { accountId };
  const account = (await iam.accounts()).find(({ accountId }) => canonicalUserId(accountId) === ID);
  if (account === undefined) throw invalidArgument(names.id, ID ?? '', 'Invalid id');
  return { accountId: account.accountId };
}

function shownGrantee(grantee: AclGrantee): Grantee {
  return 'accountId' in grantee
    ? { ID: canonicalUserId(grantee.accountId), Type: 'CanonicalUser' }
    : { URI: GROUP_URIS[grantee.group], Type: 'Group' };
}

function checkCount(grants: AclGrant[]): AclGrant[] {
  if (grants.length > MAXIMUM_GRANTS)
    throw malformedAcl(`a list takes ${MAXIMUM_GRANTS} grants at most; you sent ${grants.length}.`);
  return grants;
}

function malformedAcl(rule: string): Error {
  return s3Fault(
    'MalformedACLError',
    `The XML you provided was not well-formed or did not validate against our published schema: ${rule}`,
  );
}
