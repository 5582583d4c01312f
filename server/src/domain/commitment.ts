/** Terms for which Provisioned Throughput is bought. */
export type CommitmentDuration = 'OneMonth' | 'SixMonths';

/**
 * When a term ends: calendar months on, at the same time of day in UTC; a day that the month lacks becomes its last.
 * @returns milliseconds since the epoch
 */
export function commitmentEnd(start: Date, duration: CommitmentDuration): number {
  const end = new Date(start);
  end.setUTCMonth(end.getUTCMonth() + (duration === 'OneMonth' ? 1 : 6));
  if (end.getUTCDate() !== start.getUTCDate()) end.setUTCDate(0);
  return end.getTime();
}
