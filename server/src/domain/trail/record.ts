import { parseArn } from '../arn.ts';
import type { Call } from '../call.ts';
import type { AccessRequest, Principal } from '../operation.ts';
import { eventKind } from './event-kind.ts';

/** An entry of the audit trail, in CloudTrail's shape. */
export interface TrailRecord {
  eventVersion: string;
  userIdentity: Record<string, unknown>;
  /** ISO 8601, to the second. */
  eventTime: string;
  eventSource: string;
  eventName: string;
  awsRegion: string;
  sourceIPAddress: string;
  userAgent: string;
  errorCode?: string;
  errorMessage?: string;
  requestParameters: Record<string, unknown> | null;
  responseElements: Record<string, unknown> | null;
  additionalEventData?: Record<string, unknown>;
  requestID: string;
  eventID: string;
  readOnly: boolean;
  resources?: { accountId: string; type: string; ARN: string }[];
  eventType: 'AwsApiCall' | 'AwsConsoleSignIn';
  managementEvent: boolean;
  recipientAccountId: string;
  sharedEventID?: string;
  vpcEndpointId?: string;
  eventCategory: 'Management' | 'Data';
}

const EVENT_VERSION = '1.11';
/** AWS leaves out what is larger. */
const LARGEST_MEMBERS_BYTES = 100 * 1024;
const LONGEST_TEXT = 1024;
const MOST_RESOURCES = 100;

/**
 * The entries that a call leaves: one for the caller's account, and one for each other account whose resource it was
 * about. What no account can be told of goes to the installation's first one.
 * @param newId a UUID
 */
export function trailRecords(call: Call, { firstAccountId, newId }: { firstAccountId: string; newId(): string }) {
  const recipients = recipientsOf(call, firstAccountId);
  const sharedEventID = recipients.length > 1 ? newId() : undefined;
  return recipients.map(recipientAccountId => recordFor(call, recipientAccountId, newId(), sharedEventID));
}

function recordFor(
  call: Call,
  recipientAccountId: string,
  eventID: string,
  sharedEventID: string | undefined,
): TrailRecord {
  const { operation = 'UnknownOperation', service, error, principal } = call;
  const { readOnly, isData } = eventKind(service, operation);
  const resources = resourcesOf(call, principal?.accountId ?? recipientAccountId);
  const isSignIn = service === 'signin';
  // AWS: AssumeRole only reads, and tells whose the session is all the same.
  const keepsAnswer = !readOnly || operation === 'AssumeRole';
  return {
    eventVersion: EVENT_VERSION,
    userIdentity: userIdentity(call, recipientAccountId),
    eventTime: `${call.at.toISOString().slice(0, 19)}Z`,
    eventSource: `${service}.amazonaws.com`,
    eventName: operation,
    awsRegion: call.region,
    sourceIPAddress: call.sourceIp,
    userAgent: call.userAgent.slice(0, LONGEST_TEXT),
    ...(error && { errorCode: error.code, errorMessage: error.message.slice(0, LONGEST_TEXT) }),
    requestParameters: bounded('requestParameters', call.requestParameters),
    responseElements: isSignIn
      ? { [operation]: error ? 'Failure' : 'Success' }
      : bounded('responseElements', keepsAnswer ? call.responseElements : null),
    ...(call.bearer && { additionalEventData: { callWithBearerToken: true } }),
    requestID: call.requestId,
    eventID,
    readOnly,
    ...(resources.length > 0 && { resources }),
    eventType: isSignIn ? 'AwsConsoleSignIn' : 'AwsApiCall',
    managementEvent: !isData,
    recipientAccountId,
    ...(sharedEventID !== undefined && { sharedEventID }),
    ...(call.sourceVpce !== undefined && { vpcEndpointId: call.sourceVpce }),
    eventCategory: isData ? 'Data' : 'Management',
  };
}

/**
 * AWS: the owner of a resource hears of what others did with it, and S3's also of what they were denied, as everyone of what
 * a service was. Elsewhere an account in a denied request may be made up.
 */
function recipientsOf({ principal, questions, error, service }: Call, firstAccountId: string): string[] {
  const told = error === undefined || service === 's3' || principal?.type === 'service';
  const owners = told ? questions.flatMap(({ resourceAccountId }) => resourceAccountId ?? []) : [];
  const accounts = [...new Set([principal?.accountId ?? '', ...owners])].filter(account => account !== '');
  return accounts.length === 0 ? [firstAccountId] : accounts;
}

function userIdentity(call: Call, recipientAccountId: string): Record<string, unknown> {
  const { principal, accessKeyId } = call;
  if (principal === undefined) return { type: 'Unknown', ...(accessKeyId !== undefined && { accessKeyId }) };
  const { arn, accountId, userId: principalId } = principal;
  if (principal.type === 'anonymous') return { type: 'AWSAccount', principalId: '', accountId: 'ANONYMOUS_PRINCIPAL' };
  if (principal.type === 'service') return { type: 'AWSService', invokedBy: arn };
  // What another account calls its people is no business of the owner of a bucket.
  if (accountId !== recipientAccountId) return { type: 'AWSAccount', principalId, accountId };
  const identity = { principalId, arn, accountId, ...(accessKeyId !== undefined && { accessKeyId }) };
  const session = sessionContext(principal);
  switch (principal.type) {
    case 'root':
      return { type: 'Root', ...identity, ...session };
    case 'user':
      return { type: 'IAMUser', ...identity, userName: principal.userName, ...session };
    case 'assumedRole':
      return { type: 'AssumedRole', ...identity, ...session };
    case 'federatedUser':
      return { type: 'FederatedUser', ...identity, ...session };
  }
}

/** Of temporary credentials. */
function sessionContext(principal: Principal): { sessionContext?: Record<string, unknown> } {
  const { tokenIssuedAt, roleArn, sourceIdentity, accountId, userId } = principal;
  if (tokenIssuedAt === undefined) return {};
  const creationDate = `${tokenIssuedAt.toISOString().slice(0, 19)}Z`;
  return {
    sessionContext: {
      ...(roleArn !== undefined && {
        sessionIssuer: {
          type: 'Role',
          principalId: userId.split(':', 1)[0],
          arn: roleArn,
          accountId,
          userName: roleArn.split('/').at(-1),
        },
      }),
      attributes: { creationDate, mfaAuthenticated: 'false' },
      ...(sourceIdentity !== undefined && { sourceIdentity }),
    },
  };
}

function resourcesOf({ questions }: Call, ownAccountId: string): NonNullable<TrailRecord['resources']> {
  const byArn = new Map(questions.map((question): [string, AccessRequest] => [question.resource, question]));
  return [...byArn].slice(0, MOST_RESOURCES).flatMap(([resource, { resourceAccountId }]) => {
    const arn = parseArn(resource);
    if (arn === undefined || resource.includes('*')) return [];
    const accountId = resourceAccountId ?? (arn.accountId || ownAccountId);
    return [{ accountId, type: resourceType(arn.service, arn.resource), ARN: resource }];
  });
}

const SERVICE_NAMES: Readonly<Record<string, string>> = { bedrock: 'Bedrock', likeness: 'Likeness' };

/** `AWS::IAM::Role`, `AWS::Bedrock::CustomModel`. */
function resourceType(service: string, resource: string): string {
  if (service === 's3') return resource.includes('/') ? 'AWS::S3::Object' : 'AWS::S3::Bucket';
  const kind = resource.split(/[/:]/, 1)[0] ?? '';
  const words = kind.split('-').map(word => word.charAt(0).toUpperCase() + word.slice(1));
  return `AWS::${SERVICE_NAMES[service] ?? service.toUpperCase()}::${words.join('')}`;
}

function bounded(name: string, members: Record<string, unknown> | null): Record<string, unknown> | null {
  const originalSize = members === null ? 0 : Buffer.byteLength(JSON.stringify(members));
  if (originalSize <= LARGEST_MEMBERS_BYTES) return members;
  return { omitted: true, originalSize, reason: `${name} is larger than ${LARGEST_MEMBERS_BYTES} bytes` };
}
