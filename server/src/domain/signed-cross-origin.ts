import type { CrossOrigin } from './operation.ts';

/** AWS exposes these of every service; those of Bedrock Runtime come on top. */
const EXPOSED = [
  'x-amzn-errortype',
  'x-amzn-requestid',
  'x-amzn-errormessage',
  'x-amzn-trace-id',
  'x-amz-apigw-id',
  'date',
];
const METHODS = 'DELETE,GET,HEAD,OPTIONS,PATCH,POST,PUT';
/** AWS: two days. */
const MAX_AGE_SECONDS = '172800';

/**
 * What browsers hear from a service that takes signed requests alone: pages of every origin may call it, as on AWS. That
 * gives a page nothing that its own keys do not: a browser adds none by itself, and `*` goes without credentials.
 * @param exposed further headers that pages may read, lower-case names
 */
export function signedCrossOrigin(exposed: readonly string[] = []): CrossOrigin {
  const open = {
    'access-control-allow-origin': '*',
    'access-control-expose-headers': [...EXPOSED, ...exposed].join(','),
  };
  return {
    async preflight(_path, headers) {
      const asked = headers['access-control-request-headers'];
      return {
        ...open,
        'access-control-allow-methods': METHODS,
        ...(asked ? { 'access-control-allow-headers': asked } : {}),
        'access-control-max-age': MAX_AGE_SECONDS,
      };
    },
    answerHeaders: async () => open,
  };
}
