/** The hyperparameters beyond the seed system's three: how the form asks for each, and what it may be. */
import limits from '../../../../contract/limits.json' with { type: 'json' };
import { numberProblem } from '../../app/number-problem.ts';

export type OptionName = keyof typeof limits.optionalHyperParameters;

/** As typed; '' and absent both leave the default. Sample prompts are one a line. */
export type OptionTexts = Partial<Record<OptionName, string>>;

interface OptionField {
  name: OptionName;
  label: string;
  /** What it does, and what happens without it. */
  description: string;
  kind: 'whole' | 'decimal' | 'text' | 'choice' | 'lines';
}

const bounds: Readonly<Record<OptionName, Bounds>> = limits.optionalHyperParameters;

interface Bounds {
  values?: readonly string[];
  minimum?: number;
  maximum?: number;
  minimumLength?: number;
  maximumLength?: number;
  maximumCount?: number;
}

/** What a custom model that is trained further has settled. */
export const OF_THE_FIRST_MODEL: readonly OptionName[] = ['method', 'rank', 'alpha'];

export const optionFields: readonly OptionField[] = [
  {
    name: 'method',
    label: 'Method',
    kind: 'choice',
    description:
      'LoRA learns a small addition to the base; full moves every weight, slowly, and takes a place of its own.',
  },
  {
    name: 'concept',
    label: 'Concept',
    kind: 'choice',
    description:
      'A subject that some captions name, or a style that every picture is drawn in. Read from the captions unless given.',
  },
  {
    name: 'rank',
    label: 'Rank',
    kind: 'whole',
    description: 'Of the LoRA: how much it can hold. The base model’s own unless given.',
  },
  {
    name: 'alpha',
    label: 'Alpha',
    kind: 'decimal',
    description: 'How strongly the LoRA counts. In proportion to the rank unless given.',
  },
  {
    name: 'resolution',
    label: 'Resolution',
    kind: 'whole',
    description: 'Pixels a side; a half to one and a half times the base model’s, which is the default.',
  },
  {
    name: 'seed',
    label: 'Seed',
    kind: 'whole',
    description: 'The same seed takes the same steps. Random unless given.',
  },
  {
    name: 'validationInterval',
    label: 'Validation interval',
    kind: 'whole',
    description:
      'Steps from one evaluation to the next; 0 for none. A quarter of the steps unless given, at most 500; none below 100 steps.',
  },
  {
    name: 'captionDropout',
    label: 'Caption dropout',
    kind: 'decimal',
    description: 'Share of images that are seen without their caption.',
  },
  {
    name: 'minSnrGamma',
    label: 'Min-SNR gamma',
    kind: 'decimal',
    description: 'Weighs steps of little noise less; 0 turns it off.',
  },
  {
    name: 'priorPreservation',
    label: 'Prior preservation',
    kind: 'decimal',
    description: 'Weight of class pictures that the base draws itself, so that “a dog” stays any dog; 0 turns it off.',
  },
  {
    name: 'maskedLoss',
    label: 'Masked loss',
    kind: 'text',
    description:
      'Words that name the subject, such as “the dog”: pictures without a mask get one found by them, and teach the subject alone.',
  },
  {
    name: 'unmaskedWeight',
    label: 'Unmasked weight',
    kind: 'decimal',
    description: 'How much what lies outside of masks still counts; 0.1 unless given.',
  },
  {
    name: 'triggerWord',
    label: 'Trigger word',
    kind: 'text',
    description: 'Put into each caption: for [trigger] in it, else in front where it is missing.',
  },
  { name: 'captionPrefix', label: 'Caption prefix', kind: 'text', description: 'Words before each caption.' },
  { name: 'captionSuffix', label: 'Caption suffix', kind: 'text', description: 'Words after each caption.' },
  {
    name: 'samplePrompts',
    label: 'Sample prompts',
    kind: 'lines',
    description: 'One a line: drawn at each evaluation with the same seeds. Made from the captions unless given.',
  },
];

/** `1 to 64`, for under a field. */
export function boundsOf(name: OptionName): string | undefined {
  const { minimum, maximum, maximumLength, maximumCount } = bounds[name];
  if (maximumCount !== undefined) return `At most ${maximumCount}`;
  if (maximumLength !== undefined) return `At most ${maximumLength} characters`;
  if (minimum !== undefined && maximum !== undefined)
    return `${minimum.toLocaleString()} to ${maximum.toLocaleString()}`;
  return minimum === undefined ? undefined : `From ${minimum}`;
}

/** What is wrong with a value as it is typed; the service knows more, such as the base model's own bounds. */
export function optionProblem({ name, kind }: OptionField, text: string): string | undefined {
  if (text === '') return undefined;
  const { minimum = -Infinity, maximum = Infinity, maximumLength = Infinity, maximumCount = Infinity } = bounds[name];
  if (kind === 'lines') return promptsOf(text).length > maximumCount ? `At most ${maximumCount} prompts.` : undefined;
  if (kind === 'text')
    return text.length > maximumLength ? `At most ${maximumLength} characters; it has ${text.length}.` : undefined;
  if (kind === 'choice') return undefined;
  return numberProblem(text, { minimum, maximum, isWhole: kind === 'whole' });
}

/** What a request takes: the keys that were given. @param isFurther the job starts from a custom model */
export function givenOptions(options: OptionTexts, isFurther: boolean): Record<string, string> {
  const given: Record<string, string> = {};
  for (const { name, kind } of optionFields) {
    const text = options[name] ?? '';
    if (text === '' || (isFurther && OF_THE_FIRST_MODEL.includes(name))) continue;
    if (kind !== 'lines') given[name] = text;
    else if (promptsOf(text).length > 0) given[name] = JSON.stringify(promptsOf(text));
  }
  return given;
}

/** The other way round: what the keys of a request are typed as. */
export function typedOptions(given: Readonly<Record<string, string>>): OptionTexts {
  const options: OptionTexts = {};
  for (const { name, kind } of optionFields) {
    const text = given[name];
    if (text !== undefined) options[name] = kind === 'lines' ? (JSON.parse(text) as string[]).join('\n') : text;
  }
  return options;
}

const FIRST_LABELS: Readonly<Record<string, string>> = {
  stepCount: 'Number of steps',
  batchSize: 'Batch size',
  learningRate: 'Learning rate',
};

/** As the form calls it. */
export function labelOf(name: string): string {
  return FIRST_LABELS[name] ?? optionFields.find(option => option.name === name)?.label ?? name;
}

/** A job's or a model's hyperparameters as their pages list them: the form's labels, in the form's order. */
export function shownHyperParameters(
  given: Readonly<Record<string, string>> | undefined,
): { label: string; value: string }[] {
  const order = [...Object.keys(FIRST_LABELS), ...optionFields.map(({ name }) => name as string)];
  const placeOfName = (name: string) => (order.includes(name) ? order.indexOf(name) : order.length);
  return Object.entries({ stepCount: 'auto', ...given })
    .sort(([left], [right]) => placeOfName(left) - placeOfName(right))
    .map(([name, text]) => {
      const field = optionFields.find(option => option.name === name);
      return { label: labelOf(name), value: shownValue(field?.kind, text) };
    });
}

/** A method or a concept of training as people write it. */
export function choiceLabel(value: string): string {
  return value === 'lora' ? 'LoRA' : `${value.charAt(0).toUpperCase()}${value.slice(1)}`;
}

function shownValue(kind: OptionField['kind'] | undefined, text: string): string {
  if (kind === 'lines') return (JSON.parse(text) as string[]).map(prompt => `“${prompt}”`).join(', ');
  if (kind === 'choice') return choiceLabel(text);
  return text === 'auto' ? 'Auto' : text;
}

function promptsOf(lines: string): string[] {
  return lines
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '');
}
