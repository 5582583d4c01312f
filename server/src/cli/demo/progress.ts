/** How far a piece of work is, for a person: a line that redraws itself on a terminal, a line every 15 s elsewhere. */
export interface Progress {
  update(done: number, total: number, note?: string): void;
  /** Says that it is done, and how long it took. */
  end(note?: string): number;
}

const BAR_WIDTH = 24;
const PLAIN_INTERVAL_MILLISECONDS = 15_000;

export function startProgress(title: string, output: NodeJS.WriteStream = process.stdout): Progress {
  const startedAt = performance.now();
  const seconds = () => (performance.now() - startedAt) / 1000;
  let printedAt = performance.now();
  if (!output.isTTY) output.write(`${title} …\n`);
  else output.write(`${title} …`);
  return {
    update(done, total, note = '') {
      const line = progressLine(title, done, total, note);
      if (output.isTTY) output.write(`\r${line.slice(0, (output.columns ?? 80) - 1)}\x1b[K`);
      else if (performance.now() - printedAt >= PLAIN_INTERVAL_MILLISECONDS) {
        printedAt = performance.now();
        output.write(`${line}\n`);
      }
    },
    end(note = '') {
      output.write(
        `${output.isTTY ? '\r' : ''}✓ ${title}${note ? `: ${note}` : ''} (${duration(seconds())})${output.isTTY ? '\x1b[K' : ''}\n`,
      );
      return seconds();
    },
  };
}

export function progressLine(title: string, done: number, total: number, note: string): string {
  const share = total > 0 ? Math.min(1, done / total) : 0;
  const filled = Math.round(share * BAR_WIDTH);
  return `${title} ${'█'.repeat(filled)}${'░'.repeat(BAR_WIDTH - filled)} ${done}/${total}${note ? `  ${note}` : ''}`;
}

/** `42 s`, `3 min 05 s`. */
export function duration(seconds: number): string {
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, '0')} s`;
}
