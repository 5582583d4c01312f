/** How much was used, in words. */
import { duration } from '../../app/duration.ts';

export type Dimension = 'imagesDrawn' | 'imagesSeen' | 'modelUnitHours' | 'modelStorageMonths';

interface Quantity {
  dimension: Dimension;
  quantity: number;
  /** Its plural. */
  unit: string;
}

/** A quantity with a unit in which it can be read: 9 seconds are no 0.0025 hours. */
export function quantityText({ dimension, quantity, unit }: Quantity): string {
  if (dimension === 'modelUnitHours') return hoursText(quantity);
  if (quantity === 1) return `1 ${unit.replace(/s$/, '')}`;
  if (quantity > 0 && quantity < 0.01) return `Less than 0.01 ${unit}`;
  return `${quantity.toLocaleString(undefined, { maximumFractionDigits: 2 })} ${unit}`;
}

export function hoursText(hours: number): string {
  return hours === 0 ? '0 h' : duration(hours * 3600);
}

/** `2026-11` -> `November 2026` */
export function monthName(month: string): string {
  return new Date(`${month}-01T00:00:00Z`).toLocaleDateString(undefined, {
    ...{ month: 'long', year: 'numeric', timeZone: 'UTC' },
  });
}
