import { Fault } from '../fault.ts';
import { type Condition, parseConditions } from './condition.ts';
import { type PrincipalList, parsePrincipals } from './principal.ts';
import { checkAction, checkResource } from './resource-name.ts';
import { duplicateKey, legacyParsing, object, PolicySyntaxError, stringList, syntaxError } from './syntax.ts';

/** A parsed policy. Everything in it was checked, so that evaluating never fails. */
export interface PolicyDocument {
  /** Policy variables work in 2012-10-17 only. */
  version: '2012-10-17' | '2008-10-17';
  statements: readonly Statement[];
}

export interface Statement {
  sid: string | undefined;
  effect: 'Allow' | 'Deny';
  actions: PatternList;
  /** undefined in trust policies and where it does not matter: any resource. */
  resources: PatternList | undefined;
  /** undefined in identity policies. */
  principals: PrincipalList | undefined;
  conditions: readonly Condition[];
}

export interface PatternList {
  /** NotAction, NotResource: everything but these. */
  not: boolean;
  patterns: readonly string[];
}

/**
 * `identity`: attached to a user, role or session. `trust`: who may assume a role. `resource`: of a bucket or key.
 * `attached` and `stored`: an identity policy, and one of the others, that were checked when they were stored and are read
 * again to be evaluated: they are held to what evaluation needs, whatever was refused since.
 */
export type PolicyKind = 'identity' | 'trust' | 'resource' | 'attached' | 'stored';

export interface PolicyRules {
  kind: PolicyKind;
  /** Characters without white space, as AWS counts them; no bound when absent. */
  maximumCharacters?: number;
  /** The AWS error code of what is wrong: MalformedPolicyDocument (default), S3's MalformedPolicy, KMS's …Exception. */
  code?: string;
}

/**
 * Reads and checks a policy document, strictly: what AWS would refuse to store is refused here too, in AWS's words and with
 * the place after them.
 *
 * @throws Fault invalid, code MalformedPolicyDocument unless the rules name another; LimitExceeded past the size bound
 */
export function parsePolicy(text: string, rules: PolicyRules): PolicyDocument {
  const malformed = (message: string): Fault =>
    new Fault('invalid', message, { code: rules.code ?? 'MalformedPolicyDocument' });
  const characters = text.replace(/\s/g, '').length;
  if (rules.maximumCharacters !== undefined && characters > rules.maximumCharacters)
    throw new Fault(
      'quota',
      `The policy has ${characters} characters without white space; at most ${rules.maximumCharacters} are allowed.`,
      { code: 'LimitExceeded' },
    );
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    const opening = rules.kind === 'identity' ? 'Syntax errors in policy.' : 'This policy contains invalid Json:';
    throw malformed(`${opening} ${cause instanceof Error ? cause.message : 'Not JSON'}.`);
  }
  const twice = rules.kind === 'attached' || rules.kind === 'stored' ? undefined : duplicateKey(text);
  try {
    if (twice !== undefined) throw syntaxError(`An object has the element "${twice}" twice.`);
    return readDocument(json, rules.kind);
  } catch (error) {
    if (error instanceof PolicySyntaxError) throw malformed(error.message);
    throw error;
  }
}

const DOCUMENT_MEMBERS = new Set(['Version', 'Id', 'Statement']);
const STATEMENT_MEMBERS = new Set([
  ...['Sid', 'Effect', 'Principal', 'NotPrincipal', 'Action', 'NotAction', 'Resource', 'NotResource', 'Condition'],
]);
const VERSIONS = ['2012-10-17', '2008-10-17'] as const;

function readDocument(json: unknown, kind: PolicyKind): PolicyDocument {
  const document = object(json, 'The document');
  for (const member of Object.keys(document))
    if (!DOCUMENT_MEMBERS.has(member))
      throw syntaxError(`The document has an unknown element "${member}"; known are Version, Id, Statement.`);
  // AWS: a document without Version is one of 2008-10-17.
  const version = VERSIONS.find(known => known === (document.Version ?? '2008-10-17'));
  if (version === undefined)
    throw syntaxError(
      `Version must be "2012-10-17" or "2008-10-17"; it is ${JSON.stringify(document.Version).slice(0, 40)}.`,
    );
  if (document.Id !== undefined && typeof document.Id !== 'string') throw syntaxError('Id must be a string.');
  const list = Array.isArray(document.Statement) ? document.Statement : [document.Statement];
  if (document.Statement === undefined || list.length === 0)
    throw syntaxError('Statement must have at least one statement.');
  const statements = list.map((statement, index) => readStatement(statement, kind, `Statement ${index + 1}`));
  // AWS: trust, bucket and key policies of the old version are still taken; identity policies are not.
  if (kind === 'identity' && version !== '2012-10-17')
    throw new PolicySyntaxError('Policy document must be version 2012-10-17 or greater.');
  const seen = new Set<string>();
  for (const { sid } of statements) {
    if (sid === undefined || sid === '') continue;
    if (seen.has(sid))
      throw new PolicySyntaxError(
        `Statement IDs (SID) in a single policy must be unique. "${sid}" is there more than once.`,
      );
    seen.add(sid);
  }
  return { version, statements };
}

function readStatement(json: unknown, kind: PolicyKind, where: string): Statement {
  const statement = object(json, where);
  for (const member of Object.keys(statement))
    if (!STATEMENT_MEMBERS.has(member)) throw syntaxError(`${where} has an unknown element "${member}".`);
  const { Effect: effect, Sid: sid } = statement;
  if (effect !== 'Allow' && effect !== 'Deny') {
    const said = `Effect of ${where} must be "Allow" or "Deny"; it is ${JSON.stringify(effect)?.slice(0, 40)}.`;
    throw typeof effect === 'string' && /^(allow|deny)$/i.test(effect) ? legacyParsing(said) : syntaxError(said);
  }
  if (sid !== undefined && typeof sid !== 'string') throw syntaxError(`Sid of ${where} must be a string.`);
  // AWS: only identity policies restrict the characters of a Sid.
  if (kind === 'identity' && typeof sid === 'string' && !/^[A-Za-z0-9]*$/.test(sid))
    throw new PolicySyntaxError(`Statement IDs (SID) must be alpha-numeric; "${sid}" of ${where} is not.`);
  const conditions = parseConditions(statement.Condition, where);
  const actions = patternList(statement, 'Action', where);
  if (actions === undefined || actions.patterns.length === 0)
    throw new PolicySyntaxError(`Policy statement must contain actions. ${where} has none.`);
  for (const action of actions.patterns) {
    checkAction(action);
    if (kind === 'trust' && !/^sts:/i.test(action))
      throw new PolicySyntaxError(`AssumeRole policy may only specify STS AssumeRole actions. "${action}" is none.`);
  }
  const resources = readResources(statement, kind, where);
  return { sid, effect, actions, resources, principals: readPrincipals(statement, kind, effect, where), conditions };
}

function readResources(statement: Record<string, unknown>, kind: PolicyKind, where: string): PatternList | undefined {
  const resources = patternList(statement, 'Resource', where);
  if (kind === 'trust') {
    if (resources !== undefined) throw new PolicySyntaxError(`Has prohibited field Resource (${where}).`);
    return undefined;
  }
  if (kind === 'stored') return resources;
  if (resources === undefined || resources.patterns.length === 0)
    throw new PolicySyntaxError(`Policy statement must contain resources. ${where} has none.`);
  if (kind !== 'attached') for (const resource of resources.patterns) checkResource(resource, where);
  return resources;
}

function readPrincipals(
  statement: Record<string, unknown>,
  kind: PolicyKind,
  effect: 'Allow' | 'Deny',
  where: string,
): PrincipalList | undefined {
  const { Principal: named, NotPrincipal: others } = statement;
  if (kind === 'identity' || kind === 'attached') {
    if (named !== undefined || others !== undefined)
      throw new PolicySyntaxError(`Policy document should not specify a principal. ${where} does.`);
    return undefined;
  }
  if (named === undefined && others === undefined)
    throw new PolicySyntaxError(
      `Missing required field Principal. ${where} must have one of Principal and NotPrincipal.`,
    );
  if (named !== undefined && others !== undefined)
    throw syntaxError(`${where} must have one of Principal and NotPrincipal, not both.`);
  // AWS: "Allow" for everyone but some is refused; it would let the whole world in.
  if (others !== undefined && effect === 'Allow')
    throw new PolicySyntaxError(`Allow with NotPrincipal is not allowed. In ${where}, use Effect "Deny".`);
  return parsePrincipals(named ?? others, others !== undefined, where);
}

function patternList(
  statement: Record<string, unknown>,
  member: 'Action' | 'Resource',
  where: string,
): PatternList | undefined {
  const positive = statement[member];
  const negative = statement[`Not${member}`];
  if (positive === undefined && negative === undefined) return undefined;
  if (positive !== undefined && negative !== undefined)
    throw syntaxError(`${where} has both ${member} and Not${member}; give one.`);
  const name = positive === undefined ? `Not${member}` : member;
  return { not: positive === undefined, patterns: stringList(positive ?? negative, `${name} of ${where}`) };
}
