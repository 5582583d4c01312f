/** What S3 answers to a browser that opens an object as a page. */

/** Shown by browsers without running anything of it on this origin. */
const INERT =
  /^(?:image\/(?!svg)|audio\/|video\/|application\/(?:pdf|json|zip|octet-stream)\b|binary\/octet-stream|text\/plain\b)/i;
const SANDBOX = 'sandbox allow-scripts allow-forms allow-popups allow-modals allow-downloads';

/**
 * Objects lie on the console's own origin: a page that somebody uploaded would otherwise run with whatever the console of the
 * person who opens it may do. A sandbox gives it an origin of its own; it binds documents only, so SDKs, pictures in pages and
 * fetches do not notice. https://www.w3.org/TR/CSP3/#directive-sandbox
 * @param contentType as it is answered, `response-content-type` included
 */
export function documentHeaders(contentType: string | undefined): Record<string, string> {
  return contentType !== undefined && INERT.test(contentType) ? {} : { 'content-security-policy': SANDBOX };
}
