import type { RequestContext } from '../../domain/operation.ts';
import type { ObjectDescription } from '../../ports/store-s3.ts';
import { headerNotImplemented, invalidArgument, s3Fault } from './faults.ts';

const MAXIMUM_KEY_SIZE_BYTES = 1024;
const MAXIMUM_METADATA_SIZE_BYTES = 2048;

interface DescribingInput {
  CacheControl?: string | undefined;
  ContentDisposition?: string | undefined;
  ContentEncoding?: string | undefined;
  ContentLanguage?: string | undefined;
  ContentType?: string | undefined;
  Metadata?: Record<string, string> | undefined;
}

/** @throws Fault MetadataTooLarge */
export function describe(input: DescribingInput, ctx: RequestContext): ObjectDescription {
  const metadata = input.Metadata ?? {};
  const sizeBytes = Object.entries(metadata).reduce(
    (sum, [name, value]) => sum + Buffer.byteLength(name) + Buffer.byteLength(value),
    0,
  );
  if (sizeBytes > MAXIMUM_METADATA_SIZE_BYTES)
    throw s3Fault('MetadataTooLarge', 'Your metadata headers exceed the maximum allowed metadata size', {
      members: { Size: sizeBytes, MaxSizeAllowed: MAXIMUM_METADATA_SIZE_BYTES },
    });
  // aws-chunked frames the request's body and is no property of the object.
  const encoding = (input.ContentEncoding ?? '')
    .split(',')
    .map(part => part.trim())
    .filter(part => part !== '' && part.toLowerCase() !== 'aws-chunked')
    .join(',');
  const expires = ctx.headers.expires;
  return {
    contentType: input.ContentType || 'binary/octet-stream',
    ...(input.CacheControl ? { cacheControl: input.CacheControl } : {}),
    ...(input.ContentDisposition ? { contentDisposition: input.ContentDisposition } : {}),
    ...(encoding ? { contentEncoding: encoding } : {}),
    ...(input.ContentLanguage ? { contentLanguage: input.ContentLanguage } : {}),
    ...(expires ? { expires } : {}),
    metadata: Object.fromEntries(Object.entries(metadata).map(([name, value]) => [name.toLowerCase(), value])),
  };
}

/** @throws Fault KeyTooLongError */
export function checkKey(key: string): void {
  const sizeBytes = Buffer.byteLength(key);
  if (sizeBytes > MAXIMUM_KEY_SIZE_BYTES)
    throw s3Fault('KeyTooLongError', 'Your key is too long', {
      members: { Size: sizeBytes, MaxSizeAllowed: MAXIMUM_KEY_SIZE_BYTES },
    });
}

const ADVICE_LOCK = 'Object Lock is not there: send the object without.';

/** Headers of writes that would change what happens to the object, each with what to do instead. */
const REFUSED_HEADERS: Readonly<Record<string, string>> = {
  'x-amz-website-redirect-location': 'Buckets serve no web sites: send the object without.',
  'x-amz-object-lock-mode': ADVICE_LOCK,
  'x-amz-object-lock-retain-until-date': ADVICE_LOCK,
  'x-amz-object-lock-legal-hold': ADVICE_LOCK,
  'x-amz-object-lock-event-hold': ADVICE_LOCK,
  'x-amz-bucket-object-lock-enabled': ADVICE_LOCK,
  'x-amz-write-offset-bytes': 'Appending is not there: write the whole object.',
};

/** @throws Fault for every header that asks for what is not there; AWS's own codes where it has the same rule */
export function refuseUnsupportedHeaders(ctx: RequestContext): void {
  for (const [header, advice] of Object.entries(REFUSED_HEADERS))
    if (ctx.headers[header] !== undefined) throw headerNotImplemented(header, advice);
  const bypass = 'x-amz-bypass-governance-retention';
  if (ctx.headers[bypass] !== undefined)
    throw s3Fault('InvalidArgument', `${bypass} is only applicable to Object Lock enabled buckets.`, {
      members: { ArgumentName: bypass },
    });
}

/** @throws Fault InvalidArgument unless a whole number within the bounds; `fallback` where the request says nothing */
export function boundedNumber(
  name: string,
  value: number | undefined,
  { minimum, maximum, fallback }: { minimum: number; maximum: number; fallback: number },
): number {
  if (value === undefined) return fallback;
  if (!Number.isInteger(value) || value < minimum || value > 2 ** 31 - 1)
    throw invalidArgument(name, String(value), `Argument ${name} must be an integer between ${minimum} and 2147483647`);
  return Math.min(value, maximum);
}
