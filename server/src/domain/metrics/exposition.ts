/** Numbers of a running process, as Prometheus reads them (text format 0.0.4). */

export type Labels = Readonly<Record<string, string>>;

/** Further sets of labels are left out: what a client may choose must not grow without bound. */
const MOST_SERIES = 2000;

export interface Sample {
  labels: Labels;
  value: number;
}

/** Only grows. */
export interface Counter {
  add(labels: Labels, value?: number): void;
  text(): string;
}

export interface Histogram {
  observe(labels: Labels, value: number): void;
  text(): string;
}

/** @param name ends with `_total` */
export function counter(name: string, help: string): Counter {
  const series = new Map<string, number>();
  return {
    add(labels, value = 1) {
      const key = labelText(labels);
      const before = series.get(key);
      if (before === undefined && series.size >= MOST_SERIES) return;
      series.set(key, (before ?? 0) + value);
    },
    text: () =>
      block(
        name,
        help,
        'counter',
        [...series].map(([key, value]) => `${name}${key} ${value}`),
      ),
  };
}

/** @param bounds upper bounds of its buckets, growing; the last one, infinity, is added */
export function histogram(name: string, help: string, bounds: readonly number[]): Histogram {
  const series = new Map<string, { labels: Labels; counts: number[]; sum: number; count: number }>();

  function lines({ labels, counts, sum, count }: { labels: Labels; counts: number[]; sum: number; count: number }) {
    const buckets = bounds.map((bound, index) => [String(bound), counts[index] ?? 0] as const);
    return [
      ...[...buckets, ['+Inf', count] as const].map(
        ([le, total]) => `${name}_bucket${labelText({ ...labels, le })} ${total}`,
      ),
      `${name}_sum${labelText(labels)} ${sum}`,
      `${name}_count${labelText(labels)} ${count}`,
    ];
  }

  return {
    observe(labels, value) {
      const key = labelText(labels);
      let entry = series.get(key);
      if (entry === undefined) {
        if (series.size >= MOST_SERIES) return;
        entry = { labels, counts: bounds.map(() => 0), sum: 0, count: 0 };
        series.set(key, entry);
      }
      // Each bucket holds what the smaller ones hold.
      for (const [index, bound] of bounds.entries())
        if (value <= bound) entry.counts[index] = (entry.counts[index] ?? 0) + 1;
      entry.sum += value;
      entry.count += 1;
    },
    text: () => block(name, help, 'histogram', [...series.values()].flatMap(lines)),
  };
}

/** What is read at the moment of asking. @param type `counter` for what another keeps counting (CPU seconds) */
export function samplesText(
  name: string,
  help: string,
  samples: readonly Sample[],
  type: 'gauge' | 'counter' = 'gauge',
): string {
  return block(
    name,
    help,
    type,
    samples.map(({ labels, value }) => `${name}${labelText(labels)} ${value}`),
  );
}

function block(name: string, help: string, type: string, lines: readonly string[]): string {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines, ''].join('\n');
}

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
