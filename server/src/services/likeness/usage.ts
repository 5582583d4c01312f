import { Fault } from '../../domain/fault.ts';
import type { Route } from '../../domain/route.ts';
import { dayOf, type Granularity, usageReport } from '../../domain/usage.ts';
import type { LikenessDependencies } from './dependencies.ts';

const DAY_MILLISECONDS = 86_400_000;
const MOST_DAYS = 3660;
const MOST_SINGLE_DAYS = 366;
const granularities: readonly Granularity[] = ['total', 'day', 'month'];
const KNOWN = ['from', 'to', 'by', 'resources'];

/** What the caller's account has used in the Region of the signature. */
export function usageRoutes({ store, time, prices }: Pick<LikenessDependencies, 'store' | 'time' | 'prices'>): Route[] {
  return [
    {
      method: 'GET',
      path: '/usage',
      action: 'GetUsage',
      async handle({ query }, { accountId, region }) {
        const now = time.now().getTime();
        const { from, to, by, byResource } = readQuery(query, now);
        const recorded = await store.read(rows => rows.usage.recorded({ accountId, region }, { from, to }));
        const report = usageReport(recorded, { from, to, now }, { by, byResource, prices });
        return {
          json: {
            ...{ accountId, region, from: dateOf(from), to: dateOf(to), by },
            currency: prices?.currency ?? null,
            ...report,
          },
        };
      },
    },
  ];
}

/** @throws Fault invalid naming the member */
function readQuery(query: URLSearchParams, now: number) {
  for (const name of query.keys())
    if (!KNOWN.includes(name))
      throw new Fault('invalid', `${name} is not known; the query may have ${KNOWN.join(', ')}.`);
  const from = readDate(query.get('from'), 'from') ?? Date.parse(`${dateOf(now).slice(0, 7)}-01`);
  const to = readDate(query.get('to'), 'to') ?? dayOf(now) + DAY_MILLISECONDS;
  const asked = query.get('by') ?? 'total';
  const by = granularities.find(candidate => candidate === asked);
  if (by === undefined)
    throw new Fault('invalid', `by must be one of ${granularities.join(', ')}; you sent ${shown(asked)}.`);
  const resources = query.get('resources') ?? 'false';
  if (resources !== 'true' && resources !== 'false')
    throw new Fault('invalid', `resources must be true or false; you sent ${shown(resources)}.`);
  const most = by === 'day' ? MOST_SINGLE_DAYS : MOST_DAYS;
  const days = (to - from) / DAY_MILLISECONDS;
  if (days <= 0)
    throw new Fault('invalid', `to must be after from: it is excluded; you sent ${dateOf(from)} to ${dateOf(to)}.`);
  if (days > most)
    throw new Fault('invalid', `from and to may be at most ${most} days apart with by=${by}; you sent ${days}.`);
  return { from, to, by, byResource: resources === 'true' };
}

function readDate(text: string | null, name: string): number | undefined {
  if (text === null) return undefined;
  const time = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(text) : Number.NaN;
  // The 30th of February would be read as the 2nd of March.
  if (Number.isNaN(time) || dateOf(time) !== text)
    throw new Fault('invalid', `${name} must be a date like 2026-11-25; you sent ${shown(text)}.`);
  return time;
}

function dateOf(time: number): string {
  return new Date(time).toISOString().slice(0, 10);
}

function shown(text: string): string {
  return JSON.stringify(text.slice(0, 100));
}
