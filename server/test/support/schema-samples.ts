import type { NormalizedSchema } from '@smithy/core/schema';

/** A generator of numbers that is the same in every run. */
export function seeded(seed: number): (bound: number) => number {
  let state = seed;
  return bound => {
    state = (state * 1_103_515_245 + 12_345) & 0x7fffffff;
    return state % bound;
  };
}

const TEXTS = ['abc', 'x y/ü', 'arn:aws:bedrock:us-east-1:123456789012:custom-model/a.b/c1', '<&>"\' +%2F'];

/** A value of a schema's shape, at random: required members always, others now and then. */
export function sample(schema: NormalizedSchema, random: (bound: number) => number, depth = 0, plain = false): unknown {
  if (schema.isUnitSchema()) return {};
  if (schema.isUnionSchema()) {
    const members = [...schema.structIterator()];
    const [name, member] = members[random(members.length)] ?? [];
    return name && member ? { [name]: sample(member, random, depth + 1) } : {};
  }
  if (schema.isStructSchema()) return sampleStructure(schema, random, depth);
  if (schema.isListSchema())
    return depth > 6 ? [] : [0, 1].map(() => sample(schema.getValueSchema(), random, depth + 1, plain));
  if (schema.isMapSchema())
    return depth > 6
      ? {}
      : Object.fromEntries(['k1', 'k-2'].map(key => [key, sample(schema.getValueSchema(), random, depth + 1, plain)]));
  if (schema.isBlobSchema()) return new Uint8Array([1, 2, 250]);
  if (schema.isBooleanSchema()) return random(2) === 0;
  if (schema.isTimestampSchema()) return new Date(1.7e12 + random(1e6) * 1000);
  if (schema.isNumericSchema()) return 1 + random(50);
  if (schema.isDocumentSchema()) return { a: [1, 'b', { c: true }] };
  if (schema.getMergedTraits().mediaType) return '{"a":1}';
  return plain ? 'abc' : TEXTS[random(TEXTS.length)];
}

function sampleStructure(schema: NormalizedSchema, random: (bound: number) => number, depth: number): object {
  const required = (schema.getSchema() as unknown as unknown[])[6] as number | undefined;
  const value: Record<string, unknown> = {};
  for (const [index, [name, member]] of [...schema.structIterator()].entries()) {
    const traits = member.getMergedTraits();
    if (member.isStreaming() || traits.httpResponseCode) continue;
    const must = index < (required ?? 0) || traits.httpLabel;
    if (!must && (depth > 4 || random(3) === 0)) continue;
    // Headers carry no spaces at the ends and no Unicode.
    const plain = Boolean(traits.httpHeader || traits.httpPrefixHeaders || traits.httpLabel);
    value[name] = sample(member, random, depth + 1, plain);
  }
  return value;
}
