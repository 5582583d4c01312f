/** What was called, by whom: the audit trail of an account in a Region, as CloudTrail's LookupEvents tells it. */
import { Fault } from '../../domain/fault.ts';
import type { Route, RouteInput } from '../../domain/route.ts';
import type { TrailRecord } from '../../domain/trail/record.ts';
import type { JournalPosition } from '../../ports/journal.ts';
import type { LikenessDependencies } from './dependencies.ts';

const MOST_RESULTS = 50;
/** A page that finds little ends after so many lines, with a token to go on. */
const MOST_LINES = 20_000;
/** A request takes a day at most, so its entry stands at most a day behind its time. */
const DAY_MILLISECONDS = 24 * 60 * 60 * 1000;

interface Question {
  accountId: string;
  region: string;
  from: Date;
  to: Date;
  eventName: string | null;
  userName: string | null;
  readOnly: string | null;
}

export function trailRoutes({ trailJournal, time }: Pick<LikenessDependencies, 'trailJournal' | 'time'>): Route[] {
  return [
    {
      method: 'GET',
      path: '/trail',
      action: 'LookupEvents',
      async handle({ query }, { accountId, region }) {
        const question: Question = {
          ...{ accountId, region },
          from: moment(query, 'from') ?? new Date(0),
          to: moment(query, 'to') ?? new Date(time.now().getTime() + DAY_MILLISECONDS),
          ...{ eventName: query.get('eventName'), userName: query.get('userName') },
          readOnly: oneOf(query, 'readOnly', ['true', 'false']),
        };
        const maxResults = wholeNumber(query, 'maxResults', MOST_RESULTS);
        const events: TrailRecord[] = [];
        let lineCount = 0;
        let last: JournalPosition | undefined;
        // One line more than a page tells whether there is another page.
        for await (const { line, at } of trailJournal.backwards(position(query), question.from)) {
          if (events.length === maxResults || lineCount === MOST_LINES)
            return { json: { events, nextToken: tokenOf(last) } };
          lineCount += 1;
          last = at;
          const record = recordOf(line, question);
          if (record && Date.parse(record.eventTime) < question.from.getTime() - DAY_MILLISECONDS) break;
          if (record && matches(record, question)) events.push(record);
        }
        return { json: { events } };
      },
    },
  ];
}

/** @returns undefined for another account's, without the cost of reading it whole */
function recordOf(line: string, { accountId }: Question): TrailRecord | undefined {
  if (!line.includes(`"recipientAccountId":"${accountId}"`)) return undefined;
  const record = JSON.parse(line) as TrailRecord;
  return record.recipientAccountId === accountId ? record : undefined;
}

function matches(record: TrailRecord, { region, from, to, eventName, userName, readOnly }: Question): boolean {
  const at = Date.parse(record.eventTime);
  if (record.awsRegion !== region || at < from.getTime() || at > to.getTime()) return false;
  if (eventName !== null && record.eventName !== eventName) return false;
  if (readOnly !== null && String(record.readOnly) !== readOnly) return false;
  return userName === null || nameOf(record) === userName;
}

/** AWS: a user's name, `root`, or the name of a role's session. */
function nameOf({ userIdentity }: TrailRecord): unknown {
  if (userIdentity.type === 'Root') return 'root';
  if (userIdentity.type === 'AssumedRole') return String(userIdentity.principalId).split(':')[1];
  return userIdentity.userName ?? userIdentity.invokedBy;
}

type Query = RouteInput['query'];

function moment(query: Query, name: string): Date | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  const at = new Date(text);
  if (!/^\d{4}-\d\d-\d\d/.test(text) || Number.isNaN(at.getTime()))
    throw new Fault(
      'invalid',
      `${name} must be a time such as 2026-11-25T19:00:00Z; you sent ${JSON.stringify(text)}.`,
    );
  return at;
}

function oneOf(query: Query, name: string, values: readonly string[]): string | null {
  const text = query.get(name);
  if (text === null || values.includes(text)) return text;
  throw new Fault('invalid', `${name} must be one of ${values.join(', ')}; you sent ${JSON.stringify(text)}.`);
}

function wholeNumber(query: Query, name: string, most: number): number {
  const text = query.get(name) ?? String(most);
  if (/^\d{1,4}$/.test(text) && Number(text) >= 1 && Number(text) <= most) return Number(text);
  throw new Fault('invalid', `${name} must be a whole number from 1 to ${most}; you sent ${JSON.stringify(text)}.`);
}

function position(query: Query): JournalPosition | undefined {
  const text = query.get('nextToken');
  if (text === null) return undefined;
  const [, file, offset] = /^(\d{4}-\d\d-\d\dT\d{9}Z\.jsonl):(\d{1,12})$/.exec(text) ?? [];
  if (file === undefined || offset === undefined)
    throw new Fault('invalid', 'nextToken must be the one of the page before.');
  return { file, offset: Number(offset) };
}

function tokenOf(at: JournalPosition | undefined): string | undefined {
  return at && `${at.file}:${at.offset}`;
}
