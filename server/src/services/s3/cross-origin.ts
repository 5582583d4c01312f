import type { CORSRule } from '@aws-sdk/client-s3';
import type { Store } from '../../ports/store.ts';
import { bucketInPath } from './bucket-names.ts';
import { s3Fault } from './faults.ts';

type Headers = Readonly<Record<string, string | undefined>>;

/** What a browser asks, on behalf of a page of another origin. */
interface CrossOriginQuestion {
  origin: string;
  method: string;
  /** Lower-case names. */
  headers: readonly string[];
}

const VARY = 'Origin, Access-Control-Request-Headers, Access-Control-Request-Method';
const NOT_ALLOWED =
  "CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, request method / Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the resource's CORS spec.";

/** The answers to browsers, by a bucket's rules. @param path path style */
export function createCrossOrigin(store: Store) {
  async function rulesOf(path: string): Promise<CORSRule[] | undefined> {
    const bucket = bucketInPath(path);
    const rules = await store.read(({ s3 }) => s3.bucketSetting(bucket, 'cors'));
    return rules as CORSRule[] | undefined;
  }

  return {
    /**
     * The headers that allow what a preflight (OPTIONS) asks for.
     * @throws Fault BadRequest, AccessForbidden
     */
    async preflight(path: string, headers: Headers): Promise<Record<string, string>> {
      const { origin, 'access-control-request-method': method } = headers;
      if (origin === undefined) throw s3Fault('BadRequest', 'Insufficient information. Origin request header needed.');
      if (!method) throw s3Fault('BadRequest', `Invalid Access-Control-Request-Method: ${method ?? 'null'}`);
      const requested = (headers['access-control-request-headers'] ?? '')
        .split(',')
        .map(name => name.trim().toLowerCase())
        .filter(name => name !== '');
      const members = { Method: method, ResourceType: path.split('/').length > 2 ? 'OBJECT' : 'BUCKET' };
      const rules = await rulesOf(path);
      if (rules === undefined)
        throw s3Fault('AccessForbidden', 'CORSResponse: CORS is not enabled for this bucket.', { members });
      const rule = matching(rules, { origin, method, headers: requested });
      if (rule === undefined) throw s3Fault('AccessForbidden', NOT_ALLOWED, { members });
      return {
        ...allowing(rule, origin),
        ...(requested.length > 0 ? { 'access-control-allow-headers': requested.join(', ') } : {}),
      };
    },

    /** What the answer to an actual request says to the browser; nothing where no rule allows the page to see it. */
    async answerHeaders(path: string, method: string, headers: Headers): Promise<Record<string, string>> {
      const { origin } = headers;
      if (origin === undefined) return {};
      const rule = matching((await rulesOf(path)) ?? [], { origin, method, headers: [] });
      return rule ? allowing(rule, origin) : {};
    },
  };
}

function matching(rules: readonly CORSRule[], { origin, method, headers }: CrossOriginQuestion): CORSRule | undefined {
  return rules.find(
    rule =>
      rule.AllowedMethods?.includes(method) &&
      allowedOrigin(rule, origin) !== undefined &&
      headers.every(name => rule.AllowedHeaders?.some(pattern => matches(pattern.toLowerCase(), name))),
  );
}

function allowedOrigin(rule: CORSRule, origin: string): string | undefined {
  return rule.AllowedOrigins?.find(pattern => matches(pattern, origin));
}

/** AWS: the origin itself and credentials, but for the rule that is there for everybody. */
function allowing(rule: CORSRule, origin: string): Record<string, string> {
  const everybody = allowedOrigin(rule, origin) === '*';
  return {
    'access-control-allow-origin': everybody ? '*' : origin,
    'access-control-allow-methods': rule.AllowedMethods?.join(', ') ?? '',
    ...(rule.ExposeHeaders?.length ? { 'access-control-expose-headers': rule.ExposeHeaders.join(', ') } : {}),
    ...(rule.MaxAgeSeconds === undefined ? {} : { 'access-control-max-age': String(rule.MaxAgeSeconds) }),
    ...(everybody ? {} : { 'access-control-allow-credentials': 'true' }),
    vary: VARY,
  };
}

/** At most one `*` in a pattern, for any text. */
function matches(pattern: string, text: string): boolean {
  const [head = '', tail] = pattern.split('*');
  if (tail === undefined) return pattern === text;
  return text.length >= head.length + tail.length && text.startsWith(head) && text.endsWith(tail);
}
