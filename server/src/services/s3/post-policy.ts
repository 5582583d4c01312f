import { s3Fault } from './faults.ts';

export interface SizeBounds {
  minimumBytes: number;
  maximumBytes: number;
}

/** Fields that no condition has to name. */
const FREE = /^(policy|signature|awsaccesskeyid|x-amz-signature|file|x-ignore-.*)$/;

type Condition =
  | { kind: 'eq' | 'starts-with'; field: string; value: string; text: string }
  | { kind: 'range'; bounds: SizeBounds };

/**
 * Holds a form to its policy. https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
 * @param policy base64 of its JSON
 * @param fields lower-case names, with the file's name put in
 * @returns how large the file may be
 * @throws Fault InvalidPolicyDocument, AccessDenied
 */
export function checkPostPolicy(
  policy: string,
  fields: ReadonlyMap<string, string>,
  bucket: string,
  now: Date,
): SizeBounds {
  const { expiresAt, conditions } = parsePolicy(policy);
  if (now > expiresAt) throw denied('Policy expired.');
  const bounds: SizeBounds = { minimumBytes: 0, maximumBytes: Number.POSITIVE_INFINITY };
  const named = new Set<string>(['bucket']);
  for (const condition of conditions) {
    if (condition.kind === 'range') {
      bounds.minimumBytes = Math.max(bounds.minimumBytes, condition.bounds.minimumBytes);
      bounds.maximumBytes = Math.min(bounds.maximumBytes, condition.bounds.maximumBytes);
      continue;
    }
    named.add(condition.field);
    const value = condition.field === 'bucket' ? bucket : fields.get(condition.field);
    if (value === undefined || !holds(condition, value)) throw denied(`Policy Condition failed: ${condition.text}`);
  }
  const extra = [...fields.keys()].find(name => !FREE.test(name) && !named.has(name));
  if (extra !== undefined) throw denied(`Extra input fields: ${extra}`);
  return bounds;
}

function holds({ kind, field, value }: Extract<Condition, { field: string }>, sent: string): boolean {
  if (kind === 'eq') return sent === value;
  // AWS: each type of a list of content types must begin so.
  if (field === 'content-type') return sent.split(',').every(type => type.trim().startsWith(value));
  return sent.startsWith(value);
}

function parsePolicy(policy: string): { expiresAt: Date; conditions: Condition[] } {
  let document: unknown;
  try {
    document = JSON.parse(Buffer.from(policy, 'base64').toString('utf8'));
  } catch (cause) {
    throw invalid('Invalid JSON.', cause);
  }
  if (!isRecord(document)) throw invalid('Invalid JSON.');
  const { expiration, conditions } = document;
  if (expiration === undefined) throw invalid('Policy missing expiration.');
  if (conditions === undefined) throw invalid('Policy missing conditions.');
  if (typeof expiration !== 'string' || !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(expiration))
    throw invalid(`Invalid 'expiration' value: '${String(expiration)}'`);
  const expiresAt = new Date(expiration);
  if (Number.isNaN(expiresAt.getTime())) throw invalid(`Invalid 'expiration' value: '${expiration}'`);
  if (!Array.isArray(conditions)) throw invalid("Invalid 'conditions' value: must be a List.");
  return { expiresAt, conditions: conditions.flatMap(parseCondition) };
}

function parseCondition(condition: unknown): Condition[] {
  const text = JSON.stringify(condition);
  if (Array.isArray(condition)) {
    const [operator, first, second, ...more] = condition;
    const kind = String(operator).toLowerCase();
    if (more.length > 0 || condition.length !== 3)
      throw invalid(`Invalid Condition: wrong number of arguments: ${text}`);
    if (kind === 'content-length-range') {
      const [minimumBytes, maximumBytes] = [Number(first), Number(second)];
      if (![minimumBytes, maximumBytes].every(size => Number.isSafeInteger(size) && size >= 0))
        throw invalid(`Invalid content-length-range: ${text}`);
      return [{ kind: 'range', bounds: { minimumBytes, maximumBytes } }];
    }
    if (kind !== 'eq' && kind !== 'starts-with') throw invalid(`Invalid Condition: unknown operation '${kind}'.`);
    if (typeof first !== 'string' || !first.startsWith('$') || typeof second !== 'string')
      throw invalid(`Invalid Condition: ${text}`);
    return [{ kind, field: first.slice(1).toLowerCase(), value: second, text }];
  }
  if (!isRecord(condition)) throw invalid(`Invalid Condition: ${text}`);
  const pairs = Object.entries(condition);
  if (pairs.length !== 1)
    throw invalid('Invalid Simple-Condition: Simple-Conditions must have exactly one property specified.');
  return pairs.map(([field, value]) => {
    if (typeof value !== 'string') throw invalid('Invalid Simple-Condition: value must be a string.');
    return { kind: 'eq', field: field.toLowerCase(), value, text: JSON.stringify(['eq', `$${field}`, value]) };
  });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalid(why: string, cause?: unknown): Error {
  return s3Fault('InvalidPolicyDocument', `Invalid Policy: ${why}`, { cause });
}

function denied(why: string): Error {
  return s3Fault('AccessDenied', `Invalid according to Policy: ${why}`);
}
