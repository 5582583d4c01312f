import { callRoute } from '../../aws/clients.ts';
import { type Dimension, hoursText } from './quantities.ts';

export interface UsageEntry {
  /** `2026-11-25`, or `total`. */
  period: string;
  dimension: Dimension;
  variant: string;
  resourceArn: string | null;
  quantity: number;
  unit: string;
  cost: number | null;
}

export interface UsageReport {
  currency: string | null;
  entries: UsageEntry[];
  total: number | null;
}

export const DIMENSIONS: Readonly<Record<Dimension, string>> = {
  imagesDrawn: 'Images drawn',
  imagesSeen: 'Images seen in training',
  modelUnitHours: 'Model units',
  modelStorageMonths: 'Custom models stored',
};

const VARIANTS: Readonly<Record<string, string>> = {
  '512-standard': 'up to 768 x 768, standard',
  '512-premium': 'up to 768 x 768, premium',
  '1024-standard': 'larger, standard',
  '1024-premium': 'larger, premium',
  none: 'no commitment',
  OneMonth: '1 month',
  SixMonths: '6 months',
};

/** What was used, and of which kind: prices depend on it. */
export function usedFor({ dimension, variant }: UsageEntry): string {
  const name = DIMENSIONS[dimension];
  return variant === '' ? name : `${name}, ${VARIANTS[variant] ?? variant}`;
}

/** @param month `2026-11`; months are UTC's */
export function usageOf(month: string, options: { by: 'total' | 'day'; byResource: boolean }): Promise<UsageReport> {
  const [year = 0, number = 0] = month.split('-').map(Number);
  const next = new Date(Date.UTC(year, number, 1)).toISOString().slice(0, 10);
  return callRoute<UsageReport>({
    method: 'GET',
    path: '/usage',
    query: { from: `${month}-01`, to: next, by: options.by, resources: String(options.byResource) },
  });
}

/** @returns `2026-11` for this month, then those before it */
export function monthsUntil(now: Date, count: number): string[] {
  return Array.from({ length: count }, (_, back) =>
    new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - back, 1)).toISOString().slice(0, 7),
  );
}

/** @returns `2026-11-01` and on, each day of the month */
export function daysOf(month: string): string[] {
  const [year = 0, number = 0] = month.split('-').map(Number);
  const count = new Date(Date.UTC(year, number, 0)).getUTCDate();
  return Array.from({ length: count }, (_, index) => `${month}-${String(index + 1).padStart(2, '0')}`);
}

export function money(amount: number | null, currency: string | null): string {
  return amount === null || currency === null ? '–' : `${amount.toFixed(2)} ${currency}`;
}

/** The few numbers that say what a time came to. */
export function totalItems({ currency, entries, total }: UsageReport): { label: string; value: string }[] {
  const sum = (dimension: Dimension) =>
    entries.filter(entry => entry.dimension === dimension).reduce((found, { quantity }) => found + quantity, 0);
  return [
    { label: 'Cost', value: currency === null ? 'No prices are set' : money(total, currency) },
    { label: DIMENSIONS.imagesDrawn, value: sum('imagesDrawn').toLocaleString() },
    { label: DIMENSIONS.imagesSeen, value: sum('imagesSeen').toLocaleString() },
    { label: DIMENSIONS.modelUnitHours, value: hoursText(sum('modelUnitHours')) },
  ];
}
