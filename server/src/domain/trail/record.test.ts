import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { rootPrincipal, sessionPrincipal, userPrincipal } from '../access/identity.ts';
import type { Call } from '../call.ts';
import type { Principal } from '../operation.ts';
import { eventKind } from './event-kind.ts';
import { trailRecords } from './record.ts';

const [OWN, FOREIGN] = ['111122223333', '444455556666'];
const tags = {};
const ada = userPrincipal({ kind: 'user', accountId: OWN, path: '/', name: 'ada', id: 'AIDAADA', tags });
const role = { kind: 'role', accountId: OWN, path: '/jobs/', name: 'trainer', id: 'AROATRAINER', tags } as const;
const at = new Date('2026-11-25T19:00:00.750Z');

function recordsOf(change: Partial<Call>) {
  const call: Call = {
    ...{ requestId: 'r-1', at, service: 'iam', operation: 'CreateUser', principal: ada, accessKeyId: 'AKIAX' },
    ...{ bearer: false, region: 'us-east-1', sourceIp: '192.0.2.1', sourceVpce: undefined, userAgent: 'aws-cli' },
    ...{ questions: [], requestParameters: { userName: 'x' }, responseElements: { user: {} }, error: undefined },
    ...change,
  };
  let count = 0;
  return trailRecords(call, { firstAccountId: OWN, newId: () => `id-${++count}` });
}
const identityOf = (principal: Principal | undefined) => recordsOf({ principal })[0]?.userIdentity;

describe('an entry of the audit trail', () => {
  it('has the members of a CloudTrail record', () => {
    const arn = `arn:aws:iam::${OWN}:user/x`;
    assert.deepEqual(recordsOf({ questions: [{ resource: arn }], sourceVpce: 'vpce-1' }), [
      {
        eventVersion: '1.11',
        userIdentity: {
          ...{ type: 'IAMUser', principalId: 'AIDAADA', arn: `arn:aws:iam::${OWN}:user/ada`, accountId: OWN },
          ...{ accessKeyId: 'AKIAX', userName: 'ada' },
        },
        eventTime: '2026-11-25T19:00:00Z',
        ...{ eventSource: 'iam.amazonaws.com', eventName: 'CreateUser', awsRegion: 'us-east-1' },
        ...{ sourceIPAddress: '192.0.2.1', userAgent: 'aws-cli' },
        ...{ requestParameters: { userName: 'x' }, responseElements: { user: {} } },
        ...{ requestID: 'r-1', eventID: 'id-1', readOnly: false },
        resources: [{ accountId: OWN, type: 'AWS::IAM::User', ARN: arn }],
        ...{ eventType: 'AwsApiCall', managementEvent: true, recipientAccountId: OWN, vpcEndpointId: 'vpce-1' },
        eventCategory: 'Management',
      },
    ]);
  });

  it('tells each kind of caller', () => {
    assert.equal(identityOf(rootPrincipal(OWN))?.type, 'Root');
    assert.deepEqual(identityOf({ ...sessionPrincipal(role, 'job-1', {}), tokenIssuedAt: at, sourceIdentity: 'eve' }), {
      ...{ type: 'AssumedRole', principalId: 'AROATRAINER:job-1', accountId: OWN, accessKeyId: 'AKIAX' },
      arn: `arn:aws:sts::${OWN}:assumed-role/trainer/job-1`,
      sessionContext: {
        sessionIssuer: {
          ...{ type: 'Role', principalId: 'AROATRAINER', accountId: OWN, userName: 'trainer' },
          arn: `arn:aws:iam::${OWN}:role/jobs/trainer`,
        },
        attributes: { creationDate: '2026-11-25T19:00:00Z', mfaAuthenticated: 'false' },
        sourceIdentity: 'eve',
      },
    });
    const service: Principal = { type: 'service', arn: 'bedrock.amazonaws.com', accountId: '', userId: 'x' };
    assert.deepEqual(identityOf(service), { type: 'AWSService', invokedBy: 'bedrock.amazonaws.com' });
    const anonymous: Principal = { type: 'anonymous', arn: '*', accountId: '', userId: 'ANONYMOUS_PRINCIPAL' };
    assert.deepEqual(identityOf(anonymous), {
      ...{ type: 'AWSAccount', principalId: '', accountId: 'ANONYMOUS_PRINCIPAL' },
    });
    assert.deepEqual(identityOf(undefined), { type: 'Unknown', accessKeyId: 'AKIAX' });
  });

  it('of a call across accounts goes to both under one id, and names no one to the other', () => {
    const questions = [{ resource: 'arn:aws:s3:::theirs/key', resourceAccountId: FOREIGN }];
    const crossing = { service: 's3', operation: 'PutObject', questions };
    const [own, theirs] = recordsOf(crossing);
    assert.deepEqual([own?.recipientAccountId, theirs?.recipientAccountId], [OWN, FOREIGN]);
    assert.ok(own?.sharedEventID && own.sharedEventID === theirs?.sharedEventID && own.eventID !== theirs.eventID);
    assert.deepEqual(theirs.userIdentity, { type: 'AWSAccount', principalId: 'AIDAADA', accountId: OWN });
    assert.deepEqual(own.resources, [{ accountId: FOREIGN, type: 'AWS::S3::Object', ARN: 'arn:aws:s3:::theirs/key' }]);
    const error = { code: 'AccessDenied', message: 'no' };
    assert.equal(recordsOf({ ...crossing, error }).length, 2);
    assert.equal(recordsOf({ questions, error }).length, 1);
  });

  it('of an unsigned call goes to the owner of what it asked for, else to the first account', () => {
    const principal: Principal = { type: 'anonymous', arn: '*', accountId: '', userId: 'ANONYMOUS_PRINCIPAL' };
    const questions = [{ resource: 'arn:aws:s3:::theirs', resourceAccountId: FOREIGN }];
    assert.deepEqual(
      recordsOf({ principal, questions }).map(record => record.recipientAccountId),
      [FOREIGN],
    );
    assert.deepEqual(
      recordsOf({ principal }).map(record => record.recipientAccountId),
      [OWN],
    );
  });

  it('says what was not done and why, and keeps no answer of what only reads', () => {
    const [denied] = recordsOf({ error: { code: 'AccessDenied', message: 'm'.repeat(5000) }, responseElements: null });
    assert.deepEqual([denied?.errorCode, denied?.errorMessage?.length], ['AccessDenied', 1024]);
    assert.equal(recordsOf({ operation: 'ListUsers' })[0]?.responseElements, null);
    const [large] = recordsOf({ requestParameters: { policyDocument: 'é'.repeat(60_000) } });
    assert.equal(large?.requestParameters?.omitted, true);
  });

  it('tells reading from changing, and S3 objects from all else', () => {
    const kinds = (service: string, operation: string) => {
      const { readOnly, isData } = eventKind(service, operation);
      return [readOnly ? 'reads' : 'changes', isData ? 'data' : 'management'].join(' ');
    };
    assert.equal(kinds('s3', 'GetObject'), 'reads data');
    assert.equal(kinds('s3', 'CompleteMultipartUpload'), 'changes data');
    assert.equal(kinds('s3', 'ListObjectsV2'), 'reads data');
    assert.equal(kinds('s3', 'PutBucketPolicy'), 'changes management');
    assert.equal(kinds('s3', 'HeadBucket'), 'reads management');
    assert.equal(kinds('kms', 'Decrypt'), 'reads management');
    assert.equal(kinds('sts', 'AssumeRole'), 'reads management');
    assert.equal(kinds('bedrock', 'InvokeModel'), 'reads management');
    assert.equal(kinds('bedrock', 'StopModelCustomizationJob'), 'changes management');
  });
});
