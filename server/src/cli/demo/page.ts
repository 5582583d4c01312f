import { byHand } from './by-hand.ts';
import { lossCurve } from './loss-curve.ts';
import type { Comparison, DemoResult } from './plan.ts';
import { duration } from './progress.ts';

/** One HTML file that holds everything: it opens offline, in light and dark, and can be mailed. */
export function demoPage(result: DemoResult): string {
  const training = result.timings.find(({ what }) => what.startsWith('training'));
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Likeness: before and after</title>
<style>${style}</style>
</head>
<body>
<header>
  <p class="mark">Likeness</p>
  <h1>Two characters it had never seen, in places nobody showed it</h1>
  <p class="lead">${result.imageCount} captioned pictures, ${result.steps} training steps, ${training ? duration(training.seconds) : ''} on this machine.
  The same prompts and the same seed, drawn by the base model and by the model it became.</p>
</header>
<section aria-label="Before and after" class="pairs">
${result.comparisons.map(pair).join('\n')}
</section>
<section>
  <h2>What it was shown</h2>
  <p>Some of the ${result.imageCount} training pictures: 30 of Ron the dog, 30 of Smila the cat. None of them shows a scene or an accessory that the prompts above ask of one character, and none shows both.</p>
  <div class="samples">${result.samples.map(sample => `<img alt="A training picture" src="${dataUri(sample, 'image/jpeg')}">`).join('')}</div>
</section>
<section class="columns">
  <div>
    <h2>Loss</h2>
    <figure>${lossCurve(result.losses)}<figcaption>Each point is a step of ${result.steps}; the line is their running mean.</figcaption></figure>
  </div>
  <div>
    <h2>Time</h2>
    <table>${result.timings.map(({ what, seconds }) => `<tr><th scope="row">${escapeHtml(what)}</th><td>${duration(seconds)}</td></tr>`).join('')}</table>
  </div>
</section>
<section>
  <h2>The same by hand</h2>
  <p>Start the service in one shell (the last line of this page), and in another, in the project's folder:</p>
  <pre><code>${escapeHtml(byHand(result))}</code></pre>
</section>
<footer>Serve this result again: <code>${escapeHtml(result.upCommand)}</code></footer>
</body>
</html>
`;
}

function pair({ prompt, before, after }: Comparison): string {
  return `<figure class="pair">
  <div><img alt="Base model: ${escapeHtml(prompt)}" src="${dataUri(before, 'image/png')}"><span>before</span></div>
  <div><img alt="Custom model: ${escapeHtml(prompt)}" src="${dataUri(after, 'image/png')}"><span>after</span></div>
  <figcaption>${escapeHtml(prompt)}</figcaption>
</figure>`;
}

function dataUri(bytes: Uint8Array, type: string): string {
  return `data:${type};base64,${Buffer.from(bytes).toString('base64')}`;
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

const style = `
:root { color-scheme: light dark; --paper: #faf9f6; --card: #fff; --ink: #1d1f23; --faint: #63676e; --line: #e2e0da; --accent: #c2410c; }
@media (prefers-color-scheme: dark) { :root { --paper: #16171a; --card: #1f2126; --ink: #eceae4; --faint: #a2a5ab; --line: #33363d; --accent: #fb923c; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1120px; padding: 48px 24px 64px; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, sans-serif; }
.mark { margin: 0; color: var(--accent); font-weight: 700; letter-spacing: .02em; }
h1 { margin: 8px 0 12px; max-width: 24ch; font-size: clamp(28px, 4.4vw, 44px); line-height: 1.12; letter-spacing: -.02em; text-wrap: balance; }
.lead { margin: 0; max-width: 62ch; color: var(--faint); font-size: 18px; }
section { margin-top: 48px; }
h2 { margin: 0 0 8px; font-size: 20px; letter-spacing: -.01em; }
section > p { margin: 0 0 16px; max-width: 68ch; color: var(--faint); }
figure { margin: 0; }
.pairs { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 330px), 1fr)); gap: 24px; margin-top: 32px; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: 4px; align-content: start; padding: 8px; background: var(--card); border: 1px solid var(--line); border-radius: 14px; }
.pair div { position: relative; }
.pair img { display: block; width: 100%; aspect-ratio: 1; border-radius: 8px; }
.pair span { position: absolute; left: 8px; bottom: 8px; padding: 1px 9px; border-radius: 99px; background: rgb(0 0 0 / .62); color: #fff; font-size: 12px; }
.pair figcaption { grid-column: 1 / -1; padding: 6px 4px 2px; font-weight: 600; }
.samples { display: grid; grid-template-columns: repeat(auto-fill, minmax(120px, 1fr)); gap: 8px; }
.samples img { display: block; width: 100%; aspect-ratio: 1; border-radius: 8px; }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 380px), 1fr)); gap: 40px; }
svg { display: block; width: 100%; height: auto; }
svg text { fill: var(--faint); font-size: 12px; }
.grid line { stroke: var(--line); }
.points { fill: var(--faint); opacity: .35; }
.mean { fill: none; stroke: var(--accent); stroke-width: 2.5; stroke-linejoin: round; }
figcaption { color: var(--faint); font-size: 14px; }
.pair figcaption { color: var(--ink); font-size: 16px; }
table { width: 100%; border-collapse: collapse; }
th, td { padding: 8px 0; border-bottom: 1px solid var(--line); text-align: left; font-weight: 400; }
td { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
tr:last-child th, tr:last-child td { border-bottom: 0; font-weight: 600; }
pre { margin: 0; padding: 18px 20px; overflow-x: auto; background: var(--card); border: 1px solid var(--line); border-radius: 14px; font-size: 13.5px; line-height: 1.6; }
footer { margin-top: 48px; padding-top: 20px; border-top: 1px solid var(--line); color: var(--faint); }
code { font-family: ui-monospace, monospace; }
`;
