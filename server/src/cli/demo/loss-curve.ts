/**
 * The loss of each step as an inline SVG: faint points as they were, and the running mean as a line. Noise of a
 * diffusion loss is large (each step draws other noise levels), so the mean is what can be read.
 */
export function lossCurve(losses: readonly { step: number; loss: number }[]): string {
  if (losses.length < 2) return '';
  const width = 720;
  const height = 220;
  const left = 44;
  const bottom = 28;
  const smooth = runningMean(
    losses.map(({ loss }) => loss),
    Math.max(5, Math.round(losses.length / 25)),
  );
  const highest = Math.max(...smooth) * 1.35;
  const lastStep = losses.at(-1)?.step ?? 1;
  const x = (step: number) => left + (step / lastStep) * (width - left - 8);
  const y = (loss: number) => 8 + (1 - Math.min(loss, highest) / highest) * (height - bottom - 8);
  const points = losses
    .map(({ step, loss }) => `<circle cx="${x(step).toFixed(1)}" cy="${y(loss).toFixed(1)}" r="1.3"/>`)
    .join('');
  const line = losses.map(({ step }, index) => `${x(step).toFixed(1)},${y(smooth[index] ?? 0).toFixed(1)}`).join(' ');
  const grid = [0, 0.25, 0.5, 0.75, 1]
    .map(share => {
      const at = y(highest * share).toFixed(1);
      return `<line x1="${left}" x2="${width - 8}" y1="${at}" y2="${at}"/><text x="${left - 8}" y="${at}" text-anchor="end" dominant-baseline="middle">${(highest * share).toFixed(2)}</text>`;
    })
    .join('');
  const ends = [0, lastStep]
    .map(
      step =>
        `<text x="${x(step).toFixed(1)}" y="${height - 8}" text-anchor="${step === 0 ? 'start' : 'end'}">step ${step}</text>`,
    )
    .join('');
  return `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="Training loss falls from ${smooth[0]?.toFixed(3)} to ${smooth.at(-1)?.toFixed(3)}">
  <g class="grid">${grid}${ends}</g><g class="points">${points}</g><polyline class="mean" points="${line}"/></svg>`;
}

/** Mean over a window that ends at each value, shorter at the beginning. */
export function runningMean(values: readonly number[], window: number): number[] {
  let sum = 0;
  return values.map((value, index) => {
    sum += value - (index >= window ? (values[index - window] ?? 0) : 0);
    return sum / Math.min(index + 1, window);
  });
}
