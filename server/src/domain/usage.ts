/**
 * Usage as AWS would bill it: what is counted (images) is added up by day, what is held (units, models) is kept as spans.
 * Days and months are UTC's.
 */
import { costOf, type Prices } from './prices.ts';

export const usageUnits = {
  imagesSeen: 'images',
  imagesDrawn: 'images',
  modelUnitHours: 'hours',
  modelStorageMonths: 'months',
} as const;
export type UsageDimension = keyof typeof usageUnits;

export interface UsageKey {
  accountId: string;
  region: string;
  resourceArn: string;
  dimension: UsageDimension;
  /** What the price depends on: `1024-standard` of images, the commitment of model units; '' where on nothing. */
  variant: string;
}

export interface UsageCount extends UsageKey {
  /** Milliseconds, the day's start. */
  day: number;
  quantity: number;
}

export interface UsageSpan extends UsageKey {
  /** How much is held: model units. */
  quantity: number;
  startedAt: number;
  /** Null: until now. */
  endedAt: number | null;
}

export type Granularity = 'total' | 'day' | 'month';

export interface UsageEntry {
  /** `2026-11-25`, `2026-11`, or `total`. */
  period: string;
  dimension: UsageDimension;
  variant: string;
  /** Null where resources are added up. */
  resourceArn: string | null;
  quantity: number;
  unit: string;
  /** Null where there is no price. */
  cost: number | null;
}

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** Pixels of the larger of Titan Image's two price classes begin above this (bedrock-facts.md §7.3). */
const SMALL_PIXELS = 768 * 768;

export function dayOf(time: number): number {
  return Math.floor(time / DAY) * DAY;
}

export function imageVariant(image: { width: number; height: number; quality: 'standard' | 'premium' }): string {
  return `${image.width * image.height <= SMALL_PIXELS ? 512 : 1024}-${image.quality}`;
}

/** AWS: a step sees a batch, and no batch sees more images than there are. */
export function imagesSeen(imageCount: number | null, batchSize: number, steps: number): number {
  return Math.min(imageCount ?? batchSize, batchSize) * steps;
}

/**
 * @param recorded of one account and Region; counts of days within the window
 * @param window from (included) to (excluded), day starts; `now` ends what is held still
 */
export function usageReport(
  recorded: { counts: readonly UsageCount[]; spans: readonly UsageSpan[] },
  window: { from: number; to: number; now: number },
  shape: { by: Granularity; byResource: boolean; prices: Prices | null },
): { entries: UsageEntry[]; total: number | null } {
  const entries = new Map<string, UsageEntry>();

  function add(key: UsageKey, at: number, quantity: number): void {
    const period = periodOf(at, shape.by);
    const { dimension, variant } = key;
    const resourceArn = shape.byResource ? key.resourceArn : null;
    const id = [period, dimension, variant, resourceArn].join('\n');
    const before = entries.get(id)?.quantity ?? 0;
    const unit = usageUnits[dimension];
    entries.set(id, { period, dimension, variant, resourceArn, quantity: before + quantity, unit, cost: null });
  }

  for (const count of recorded.counts)
    if (count.day >= window.from && count.day < window.to) add(count, count.day, count.quantity);
  for (const span of recorded.spans) {
    const end = Math.min(span.endedAt ?? window.now, window.to);
    // A month's length decides what a stored model's hour is, so a span is cut at the months even for a total.
    for (let at = Math.max(span.startedAt, window.from), next = at; at < end; at = next) {
      next = Math.min(end, shape.by === 'day' ? dayOf(at) + DAY : nextMonth(at));
      const share = span.dimension === 'modelStorageMonths' ? nextMonth(at) - monthOf(at) : HOUR;
      add(span, at, (span.quantity * (next - at)) / share);
    }
  }
  const priced = [...entries.values()].map(entry => ({ ...entry, cost: costOf(shape.prices, entry) }));
  const sorted = priced.toSorted((one, other) => sortKey(one).localeCompare(sortKey(other)));
  return { entries: sorted, total: shape.prices && sorted.reduce((sum, entry) => sum + (entry.cost ?? 0), 0) };
}

function sortKey({ period, dimension, variant, resourceArn }: UsageEntry): string {
  return [period, dimension, variant, resourceArn ?? ''].join('\n');
}

function periodOf(time: number, by: Granularity): string {
  if (by === 'total') return 'total';
  return new Date(time).toISOString().slice(0, by === 'day' ? 10 : 7);
}

function monthOf(time: number): number {
  const date = new Date(time);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1);
}

function nextMonth(time: number): number {
  const date = new Date(time);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1);
}
