import type { LifecycleRule as LifecycleRuleMember } from '@aws-sdk/client-s3';
import type { LifecycleRule } from '../../domain/lifecycle.ts';
import { invalidArgument, malformedXml, s3Fault } from './faults.ts';
import { MAXIMUM_DAYS, midnight, parseKeep } from './lifecycle-times.ts';
import { checkTransitions, parseNoncurrentTransitions, parseTransitions } from './lifecycle-transitions.ts';
import { MAXIMUM_OBJECT_TAGS, parseTags } from './tags.ts';

const MAXIMUM_RULES = 1000;
const MAXIMUM_ID_LENGTH = 255;

/**
 * Rules as they are kept.
 * @param newId for a rule that has none
 * @throws Fault MalformedXML, InvalidArgument, InvalidRequest; InvalidStorageClass for a transition to a class that is not kept
 */
export function parseLifecycleRules(members: readonly LifecycleRuleMember[], newId: () => string): LifecycleRule[] {
  if (members.length === 0 || members.length > MAXIMUM_RULES)
    throw malformedXml(`LifecycleConfiguration takes 1 to ${MAXIMUM_RULES} Rules; you sent ${members.length}.`);
  const rules = members.map(member => parseRule(member, newId));
  if (new Set(rules.map(({ id }) => id)).size < rules.length)
    throw s3Fault('InvalidArgument', 'Rule ID must be unique. Found same ID for more than one rule');
  return rules;
}

function parseRule(member: LifecycleRuleMember, newId: () => string): LifecycleRule {
  const { ID, Status } = member;
  if (ID !== undefined && ID.length > MAXIMUM_ID_LENGTH)
    throw invalidArgument('ID', ID, `ID length should not exceed allowed limit of ${MAXIMUM_ID_LENGTH}`);
  if (Status !== 'Enabled' && Status !== 'Disabled')
    throw malformedXml(`Status is Enabled or Disabled; you sent ${Status ?? 'none'}.`);
  const rule: LifecycleRule = {
    id: ID || newId(),
    enabled: Status === 'Enabled',
    ...parseFilter(member),
    ...parseExpiration(member),
    ...parseNoncurrentExpiration(member),
    ...parseTransitions(member),
    ...parseNoncurrentTransitions(member),
    ...parseAbort(member),
  };
  const { expiration, noncurrentExpiration, transitions, noncurrentTransitions, abortUploadDays } = rule;
  if (![expiration, noncurrentExpiration, transitions, noncurrentTransitions, abortUploadDays].some(isSet))
    throw s3Fault('InvalidRequest', 'At least one action needs to be specified in a rule.');
  checkTransitions(rule);
  if (Object.keys(rule.filter.tags).length > 0) {
    if (rule.abortUploadDays !== undefined)
      throw s3Fault('InvalidRequest', 'AbortIncompleteMultipartUpload cannot be specified with Tags.');
    if (rule.expiration?.expiredObjectDeleteMarker)
      throw s3Fault('InvalidRequest', 'ExpiredObjectDeleteMarker cannot be specified with Tags.');
  }
  return rule;
}

function isSet(action: unknown): boolean {
  return action !== undefined;
}

function parseFilter({ Prefix, Filter }: LifecycleRuleMember): Pick<LifecycleRule, 'filter' | 'form'> {
  if (Filter === undefined) {
    if (Prefix === undefined) throw malformedXml('A Rule takes a Filter or a Prefix.');
    return { form: 'prefix', filter: { prefix: Prefix, tags: {} } };
  }
  if (Prefix !== undefined) throw malformedXml('A Rule takes a Filter or a Prefix, not both.');
  const { And, Tag } = Filter;
  const conditions = [Filter.Prefix, Tag, Filter.ObjectSizeGreaterThan, Filter.ObjectSizeLessThan, And];
  if (conditions.filter(condition => condition !== undefined).length > 1)
    throw malformedXml('A Filter takes one condition: put several into And.');
  const { ObjectSizeGreaterThan: greater, ObjectSizeLessThan: less } = And ?? Filter;
  const prefix = (And ?? Filter).Prefix;
  if (greater !== undefined && less !== undefined && greater >= less)
    throw s3Fault('InvalidRequest', 'ObjectSizeGreaterThan must be less than ObjectSizeLessThan.');
  return {
    form: And ? 'and' : 'filter',
    filter: {
      tags: parseTags(And ? (And.Tags ?? []) : Tag ? [Tag] : [], MAXIMUM_OBJECT_TAGS),
      ...(prefix === undefined ? {} : { prefix }),
      ...(greater === undefined ? {} : { greaterThanBytes: greater }),
      ...(less === undefined ? {} : { lessThanBytes: less }),
    },
  };
}

function parseExpiration({ Expiration }: LifecycleRuleMember): Pick<LifecycleRule, 'expiration'> {
  if (Expiration === undefined) return {};
  const { Days: days, Date: date, ExpiredObjectDeleteMarker: marker } = Expiration;
  if ([days, date, marker].filter(value => value !== undefined).length !== 1)
    throw malformedXml('Expiration takes one of Days, Date and ExpiredObjectDeleteMarker.');
  if (days !== undefined) return { expiration: { days: positive("'Days' for Expiration action", days) } };
  if (date === undefined) return { expiration: { expiredObjectDeleteMarker: marker ?? false } };
  return { expiration: { date: midnight(date) } };
}

function parseNoncurrentExpiration({
  NoncurrentVersionExpiration: expiration,
}: LifecycleRuleMember): Pick<LifecycleRule, 'noncurrentExpiration'> {
  if (expiration === undefined) return {};
  const { NoncurrentDays: days, NewerNoncurrentVersions: keep } = expiration;
  if (days === undefined) throw malformedXml('NoncurrentVersionExpiration takes NoncurrentDays.');
  return {
    noncurrentExpiration: {
      days: positive("'NoncurrentDays' for NoncurrentVersionExpiration action", days),
      ...parseKeep(keep, 'NoncurrentVersionExpiration'),
    },
  };
}

function parseAbort({
  AbortIncompleteMultipartUpload: abort,
}: LifecycleRuleMember): Pick<LifecycleRule, 'abortUploadDays'> {
  if (abort === undefined) return {};
  const { DaysAfterInitiation: days } = abort;
  if (days === undefined) throw malformedXml('AbortIncompleteMultipartUpload takes DaysAfterInitiation.');
  return { abortUploadDays: positive("'DaysAfterInitiation' for AbortIncompleteMultipartUpload action", days) };
}

function positive(name: string, days: number): number {
  if (!Number.isInteger(days) || days < 1 || days > MAXIMUM_DAYS)
    throw s3Fault('InvalidArgument', `${name} must be a positive integer; you sent ${days}`, {
      members: { ArgumentName: 'Days', ArgumentValue: days },
    });
  return days;
}
