import type { LifecycleRule as LifecycleRuleMember } from '@aws-sdk/client-s3';
import type { LifecycleRule, NoncurrentTransition, Transition } from '../../domain/lifecycle.ts';
import {
  mayTransition,
  minimumDaysBefore,
  minimumDaysIn,
  type StorageClass,
  TRANSITION_CLASSES,
} from '../../domain/storage-class.ts';
import { invalidArgument, malformedXml, s3Fault } from './faults.ts';
import { DAY_MILLISECONDS, MAXIMUM_DAYS, midnight, parseKeep } from './lifecycle-times.ts';
import { keptStorageClass } from './storage-classes.ts';

/**
 * The transitions of a rule as they are kept.
 * @throws Fault MalformedXML, InvalidArgument, InvalidRequest; InvalidStorageClass for a class that is not kept here
 */
export function parseTransitions({
  Transitions: members = [],
}: LifecycleRuleMember): Pick<LifecycleRule, 'transitions'> {
  if (members.length === 0) return {};
  const transitions = members.map(({ StorageClass, Days: days, Date: date }): Transition => {
    const storageClass = transitionClass('Transition', StorageClass);
    if ((days === undefined) === (date === undefined)) throw malformedXml('Transition takes one of Days and Date.');
    if (days !== undefined) return { storageClass, days: checkDays('Days', 'Transition', days, storageClass) };
    return { storageClass, date: midnight(date) };
  });
  return { transitions };
}

/** The same for versions that are not their key's latest. */
export function parseNoncurrentTransitions({
  NoncurrentVersionTransitions: members = [],
}: LifecycleRuleMember): Pick<LifecycleRule, 'noncurrentTransitions'> {
  const action = 'NoncurrentVersionTransition';
  if (members.length === 0) return {};
  const noncurrentTransitions = members.map((member): NoncurrentTransition => {
    const storageClass = transitionClass(action, member.StorageClass);
    if (member.NoncurrentDays === undefined) throw malformedXml(`${action} takes NoncurrentDays.`);
    return {
      storageClass,
      days: checkDays('NoncurrentDays', action, member.NoncurrentDays, storageClass),
      ...parseKeep(member.NewerNoncurrentVersions, action),
    };
  });
  return { noncurrentTransitions };
}

/**
 * Holds the actions of a rule to each other: each class once, downwards, long enough apart, and before the end.
 * @throws Fault InvalidRequest, InvalidArgument
 */
export function checkTransitions(rule: LifecycleRule): void {
  const { transitions = [], noncurrentTransitions = [], expiration, noncurrentExpiration } = rule;
  const filter = filterText(rule);
  const timed = expiration?.days === undefined && expiration?.date === undefined ? [] : [expiration];
  if (transitions.length > 0 && new Set([...transitions, ...timed].map(({ date }) => date === undefined)).size > 1)
    throw s3Fault(
      'InvalidRequest',
      `Found mixed 'Date' and 'Days' based ${timed.length > 0 ? 'Expiration and ' : ''}Transition actions in lifecycle rule for ${filter}`,
    );
  checkOrder({ action: 'Transition', end: 'Expiration', filter }, transitions, timed[0]);
  const noncurrent = { action: 'NoncurrentVersionTransition', end: 'NoncurrentVersionExpiration', filter };
  checkOrder(noncurrent, noncurrentTransitions, noncurrentExpiration);
}

interface Names {
  action: string;
  end: string;
  filter: string;
}

type Timed = Pick<Transition, 'days' | 'date'>;

function checkOrder({ action, end, filter }: Names, transitions: readonly Transition[], ending: Timed | undefined) {
  if (new Set(transitions.map(({ storageClass }) => storageClass)).size < transitions.length)
    throw s3Fault(
      'InvalidRequest',
      `'StorageClass' must be different for '${action}' actions in same 'Rule' with ${filter}`,
    );
  const downwards = [...transitions].sort(
    (left, right) => TRANSITION_CLASSES.indexOf(left.storageClass) - TRANSITION_CLASSES.indexOf(right.storageClass),
  );
  const days = action === 'Transition' ? 'Days' : 'NoncurrentDays';
  for (const [index, later] of downwards.entries()) {
    const earlier = downwards[index - 1];
    const at = dayOf(later);
    const name = later.date === undefined ? days : 'Date';
    const value = later.date ?? at;
    if (earlier && !mayTransition(earlier.storageClass, later.storageClass))
      throw s3Fault(
        'InvalidRequest',
        `An object in ${earlier.storageClass} cannot go on to ${later.storageClass}: leave one of the two '${action}' actions out of the rule with ${filter}.`,
      );
    const apart = earlier ? minimumDaysIn(earlier.storageClass) : 0;
    if (earlier && at < dayOf(earlier) + apart)
      throw invalidArgument(
        name,
        value,
        `'${name}' in the '${action}' action for StorageClass '${later.storageClass}' for ${filter} must be ${apart} days more than '${name}' in the '${action}' action for StorageClass '${earlier.storageClass}'`,
      );
    if (ending && dayOf(ending) <= at)
      throw invalidArgument(
        name,
        ending.date ?? dayOf(ending),
        `'${name}' in the ${end} action for ${filter} must be ${name === 'Date' ? 'later' : 'greater'} than '${name}' in the ${action} action`,
      );
  }
}

/** Days, of a date since the epoch: what is compared is both of one kind. */
function dayOf({ days, date }: Timed): number {
  return days ?? Date.parse(date ?? '') / DAY_MILLISECONDS;
}

function transitionClass(action: string, name: string | undefined): StorageClass {
  if (name === undefined) throw malformedXml(`${action} takes a StorageClass.`);
  return keptStorageClass(name, TRANSITION_CLASSES);
}

function checkDays(name: string, action: string, days: number, storageClass: StorageClass): number {
  const minimum = minimumDaysBefore(storageClass);
  if (!Number.isInteger(days) || days < 0 || days > MAXIMUM_DAYS)
    throw invalidArgument(name, days, `'${name}' in ${action} action must be nonnegative; you sent ${days}`);
  if (days < minimum)
    throw invalidArgument(
      name,
      days,
      `'${name}' in ${action} action must be greater than or equal to ${minimum} for storageClass '${storageClass}'`,
    );
  return days;
}

/** A rule by its filter, as AWS's errors name it. */
function filterText({ form, filter: { prefix = '' } }: LifecycleRule): string {
  return form === 'prefix' ? `prefix '${prefix}'` : `filter '(prefix=${prefix})'`;
}
