/** How often a line is drawn anew on a terminal, and written where there is none. */
const TERMINAL_MILLISECONDS = 200;
const LOG_MILLISECONDS = 10_000;
const BAR_WIDTH = 24;

interface Output {
  isTTY?: boolean;
  write(text: string): unknown;
}

/** A bar on stderr with what is done, the speed and the time left; lines now and then where it is no terminal. */
export function progressBar(totalBytes: number, doneBefore: number, output: Output = process.stderr) {
  const startedAt = Date.now();
  const interval = output.isTTY ? TERMINAL_MILLISECONDS : LOG_MILLISECONDS;
  let done = doneBefore;
  let shownAt = startedAt;

  function show(): void {
    shownAt = Date.now();
    const line = progressLine({ totalBytes, done, doneBefore, seconds: (shownAt - startedAt) / 1000 });
    output.write(output.isTTY ? `\r${line}\x1b[K` : `${line}\n`);
  }

  return {
    add(bytes: number): void {
      done += bytes;
      if (Date.now() - shownAt >= interval) show();
    },
    end(): void {
      show();
      if (output.isTTY) output.write('\n');
    },
  };
}

/** @param state.doneBefore of an earlier try: it tells nothing of the speed */
export function progressLine(state: { totalBytes: number; done: number; doneBefore: number; seconds: number }): string {
  const { totalBytes, done, doneBefore, seconds } = state;
  const share = totalBytes === 0 ? 1 : Math.max(0, Math.min(1, done / totalBytes));
  const full = Math.round(share * BAR_WIDTH);
  const bytesASecond = seconds > 0 ? Math.max(0, done - doneBefore) / seconds : 0;
  const left = bytesASecond > 0 ? `${duration((totalBytes - done) / bytesASecond)} left` : 'time left not known yet';
  const mebibytes = (bytes: number) => (bytes / 1024 ** 2).toFixed(1);
  return `[${'#'.repeat(full)}${'-'.repeat(BAR_WIDTH - full)}] ${Math.floor(share * 100)} %  ${mebibytes(done)} of ${mebibytes(totalBytes)} MiB  ${mebibytes(bytesASecond)} MiB/s  ${left}`;
}

function duration(seconds: number): string {
  const whole = Math.max(0, Math.ceil(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}
