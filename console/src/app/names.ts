/** What the services take as names, and what is wrong with one as it is typed. */

interface NameRule {
  least: number;
  most: number;
  /** Under the field. */
  constraint: string;
  /** What each character may be. */
  character: RegExp;
  /** What else a name must be, and what to say where it is not. */
  rules: readonly (readonly [isSo: RegExp, text: string])[];
}

const BEGINS = [/^[a-z\d]/i, 'It must begin with a letter or a digit.'] as const;

/** Custom models, their deployments and Provisioned Throughput. */
const joined: NameRule = {
  ...{ least: 1, most: 63, character: /[\w-]/ },
  constraint: 'Letters, digits, - and _, never two of these side by side; at most 63 characters.',
  rules: [BEGINS, [/^(?!.*[_-]{2})/, 'No two of - and _ may stand side by side.']],
};

const identity = (most: number): NameRule => ({
  ...{ least: 1, most, character: /[\w+=,.@-]/, rules: [] },
  constraint: `Letters, digits and + = , . @ _ -; at most ${most} characters.`,
});

const RULES = {
  model: joined,
  deployment: joined,
  throughput: joined,
  job: {
    ...{ least: 1, most: 63, character: /[a-z\d+.-]/i, rules: [BEGINS] },
    constraint: 'Letters, digits, +, . and -; at most 63 characters.',
  },
  user: identity(64),
  role: identity(64),
  policy: identity(128),
  bucket: {
    ...{ least: 3, most: 63, character: /[a-z\d.-]/ },
    constraint: '3 to 63 lower-case letters, digits, dots and dashes.',
    rules: [
      [/^[a-z\d].*[a-z\d]$/s, 'It must begin and end with a letter or a digit.'],
      [/^(?!.*(?:\.[.-]|-\.))/, 'Next to a dot there must be a letter or a digit.'],
      [/^(?!\d+\.\d+\.\d+\.\d+$)/, 'It must not look like an IP address.'],
      [/^(?!xn--|sthree-|amzn-s3-demo-)/, 'AWS keeps names that begin so for itself.'],
      [/^(?!.*(?:-s3alias|--ol-s3|\.mrap|--x-s3|--table-s3)$)/, 'AWS keeps names that end so for itself.'],
    ],
  },
  dataSet: {
    ...{ least: 1, most: 64, character: /[\w.-]/ },
    constraint: 'Letters, digits, . _ and -; at most 64 characters.',
    // As a part of an address it would mean another place.
    rules: [[/^(?!\.\.?$)/, 'It needs a letter or a digit.']],
  },
} as const satisfies Record<string, NameRule>;

export type NameKind = keyof typeof RULES;

export function nameConstraint(kind: NameKind): string {
  return RULES[kind].constraint;
}

/** @returns undefined where a service takes the name, and while it is empty */
export function nameProblem(kind: NameKind, name: string): string | undefined {
  const { least, most, character, rules }: NameRule = RULES[kind];
  if (name === '') return undefined;
  const wrong = [...name].find(one => !character.test(one));
  if (wrong !== undefined) {
    const isCapital = character.test(wrong.toLowerCase());
    return `${/\s/.test(wrong) ? 'A space' : isCapital ? 'A capital letter' : `“${wrong}”`} is not allowed.`;
  }
  if (name.length > most) return `At most ${most} characters; it has ${name.length}.`;
  const broken = rules.find(([isSo]) => !isSo.test(name));
  if (broken !== undefined) return broken[1];
  return name.length < least ? `At least ${least} characters.` : undefined;
}

/** Whether a form may send it. */
export function isName(kind: NameKind, name: string): boolean {
  return name !== '' && nameProblem(kind, name) === undefined;
}
