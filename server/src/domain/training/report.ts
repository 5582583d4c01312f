/** The report of a job: one HTML file that opens offline, with its curves and pictures inside. */
import type { Advice } from './advice.ts';
import type { EvaluationEvent } from './events.ts';

export interface ReportContent {
  jobName: string;
  modelName: string;
  /** As the request gave them. */
  given: Readonly<Record<string, string>>;
  /** As they were applied. */
  applied: Readonly<Record<string, unknown>>;
  losses: readonly { step: number; loss: number }[];
  evaluations: readonly EvaluationEvent[];
  advice: Advice;
  /** What the worker warned of. */
  warnings: readonly string[];
  prompts: readonly string[];
  /** By step: of each prompt the pictures of its seeds, base64 PNG. */
  pictures: ReadonlyMap<number, readonly (readonly string[])[]>;
}

const WIDTH = 640;
const HEIGHT = 180;
const MARGIN = 44;
/** Of a long training's losses: more points than pixels show nothing more. */
const MOST_POINTS = 600;

const STYLE = `body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem;color:#222}
table{border-collapse:collapse}td,th{padding:.2rem .6rem;border-bottom:1px solid #ddd;text-align:left;vertical-align:top}
img{width:112px;margin:1px}figure{margin:0}svg{width:100%;height:auto}.grid{overflow-x:auto}
.curves{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,24rem),1fr));gap:1rem}
@media(prefers-color-scheme:dark){body{background:#1b1b1b;color:#ddd}td,th{border-color:#444}}`;

const CURVES: readonly [title: string, of: (event: EvaluationEvent) => number | null][] = [
  ['Score', event => event.score],
  ['Validation loss', event => event.validationLoss],
  ['Subject fidelity', event => event.subjectFidelity],
  ['Prompt fidelity', event => event.promptFidelity],
  ['Prior drift', event => event.priorDrift],
  ['Diversity', event => event.diversity],
  ['Nearest training picture', event => event.nearestTraining],
];

export function reportHtml(content: ReportContent): string {
  const { evaluations, advice, warnings, prompts, pictures } = content;
  const encoder = evaluations.find(event => event.encoder !== null)?.encoder;
  const title = `Training of ${content.modelName}`;
  const stride = Math.ceil(content.losses.length / MOST_POINTS) || 1;
  const losses = content.losses.filter((_, index) => index % stride === 0);
  const steps = [...pictures.keys()].toSorted((one, other) => one - other);
  const best = evaluations.findLast(event => event.isBest);
  const curves = CURVES.map(([name, of]) =>
    curve(
      name,
      evaluations.flatMap(event => {
        const value = of(event);
        return value === null ? [] : [[event.step, value] as const];
      }),
    ),
  );
  const grid = prompts.map((prompt, index) => {
    const cells = steps.map(step => {
      const drawn = pictures.get(step)?.[index] ?? [];
      return `<td>${drawn.map(png => image(png, `${prompt}, after ${step} steps`)).join('')}</td>`;
    });
    return `<tr><th scope="row">${escaped(prompt)}</th>${cells.join('')}</tr>`;
  });
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escaped(title)}</title><style>${STYLE}</style></head><body><main>
<h1>${escaped(title)}</h1><p>Job ${escaped(content.jobName)}${best ? `; best checkpoint after ${best.step} steps` : ''}.</p>
<h2>Advice</h2><p>${escaped(advice.message)}</p>
${warnings.map(warning => `<p>Warning: ${escaped(warning)}</p>`).join('')}
${table(['what led to it', 'value'], Object.entries(advice.numbers))}
<h2>Curves</h2><p>The score is subject and prompt fidelity together, less what the base forgot and what is copied; step 0 is the untouched base. The others are cosines${encoder ? ` of the encoder ${escaped(encoder)}` : ''}; compare them with those of the same encoder only.</p>
<div class="curves">${curve(
    'Training loss',
    losses.map(({ step, loss }) => [step, loss] as const),
  )}${curves.join('')}</div>
<h2>Samples</h2><p>The same prompt and seeds along the steps; 0 is the base model.</p>
<div class="grid" role="region" aria-label="Samples" tabindex="0"><table><tr><th>Prompt</th>${steps.map(step => `<th>${step}</th>`).join('')}</tr>${grid.join('')}</table></div>
<h2>Hyperparameters</h2>${table(['as given', 'value'], Object.entries(content.given))}
${table(['as applied', 'value'], Object.entries(content.applied))}
</main></body></html>
`;
}

function curve(name: string, points: readonly (readonly [step: number, value: number])[]): string {
  const [first] = points;
  if (first === undefined) return '';
  const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
  const [left, right, low, high] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const x = (value: number) => MARGIN + ((value - left) / (right - left || 1)) * (WIDTH - 2 * MARGIN);
  const y = (value: number) => HEIGHT - 24 - ((value - low) / (high - low || 1)) * (HEIGHT - 48);
  const path = points.map(([step, value]) => `${x(step).toFixed(1)},${y(value).toFixed(1)}`).join(' ');
  const text = (at: string, words: string) => `<text ${at} font-size="11" fill="currentColor">${words}</text>`;
  return `<figure><figcaption>${name}</figcaption><svg role="img" aria-label="${name}" width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 ${WIDTH} ${HEIGHT}">
<polyline fill="none" stroke="#0972d3" stroke-width="1.5" points="${path}"/>
${text(`x="0" y="28"`, high.toPrecision(3))}${text(`x="0" y="${HEIGHT - 22}"`, low.toPrecision(3))}
${text(`x="${MARGIN}" y="${HEIGHT - 4}"`, String(left))}${text(`x="${WIDTH - MARGIN}" y="${HEIGHT - 4}" text-anchor="end"`, `${right} steps`)}
</svg></figure>`;
}

function table(head: readonly [string, string], rows: readonly (readonly [string, unknown])[]): string {
  const body = rows.map(([name, value]) => `<tr><td>${escaped(name)}</td><td>${escaped(valueText(value))}</td></tr>`);
  return `<table><tr><th>${head[0]}</th><th>${head[1]}</th></tr>${body.join('')}</table>`;
}

function valueText(value: unknown): string {
  if (typeof value === 'number') return String(Number(value.toPrecision(6)));
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function image(png: string, what: string): string {
  return `<img alt="${escaped(what)}" src="data:image/png;base64,${png}">`;
}

function escaped(text: string): string {
  return text.replaceAll(
    /[&<>"']/g,
    mark => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[mark] ?? '&#39;',
  );
}
