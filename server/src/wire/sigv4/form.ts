import { createHmac, timingSafeEqual } from 'node:crypto';
import { Refusal } from '../refusal.ts';
import { isoBasic, readCredential } from './claim.ts';
import { ALGORITHM, matches, signature, signingKey } from './key.ts';
import { comparable, SignatureProblem } from './problem.ts';
import { type Authenticated, resolve, type VerifyOptions } from './verify.ts';

/**
 * Verifies the signature of a browser's form, which covers its policy alone: what the policy says binds the rest.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-UsingHTTPPOST.html
 * @param fields lower-case names
 * @returns undefined for a form without a policy: nobody signed it @throws SignatureProblem, Refusal
 */
export async function verifyForm(
  fields: ReadonlyMap<string, string>,
  options: Pick<VerifyOptions, 'resolveCredential' | 'now' | 'defaultRegion' | 'allowSignatureV2'>,
): Promise<Authenticated | undefined> {
  const policy = fields.get('policy');
  const isV4 = fields.has('x-amz-algorithm') || fields.has('x-amz-credential') || fields.has('x-amz-signature');
  if (policy === undefined && !isV4 && !fields.has('signature') && !fields.has('awsaccesskeyid')) return undefined;
  const required = isV4
    ? ['Policy', 'X-Amz-Algorithm', 'X-Amz-Credential', 'X-Amz-Date', 'X-Amz-Signature']
    : ['Policy', 'AWSAccessKeyId', 'Signature'];
  for (const name of required) if (!fields.get(name.toLowerCase())) throw missingField(name);
  const sessionToken = fields.get('x-amz-security-token');
  const said = fields.get(isV4 ? 'x-amz-signature' : 'signature') ?? '';
  const common = { isS3: true, resolveCredential: options.resolveCredential };

  if (isV4) {
    if (fields.get('x-amz-algorithm') !== ALGORITHM)
      throw new SignatureProblem('malformed', `X-Amz-Algorithm only supports "${ALGORITHM}"`, { presigned: true });
    const { accessKeyId, scope } = readCredential(fields.get('x-amz-credential') ?? '', true);
    const date = fields.get('x-amz-date') ?? '';
    if (scope.service !== 's3' || scope.date !== date.slice(0, 8))
      throw new SignatureProblem(
        'scope',
        `Credential should be scoped to 's3' and to the day of X-Amz-Date; it is for ${scope.service}, ${scope.date}, and now is ${isoBasic(options.now)}.`,
        { presigned: true },
      );
    const credential = await resolve({ accessKeyId, sessionToken, form: 'query' }, common);
    if (!matches(signature(signingKey(credential.secretAccessKey, scope), [policy ?? '']), said))
      throw mismatch(accessKeyId, policy ?? '', said);
    const { region } = scope;
    return { principal: credential.principal, region, presigned: true, payload: { kind: 'unsigned' } };
  }

  if (!options.allowSignatureV2)
    throw new SignatureProblem(
      'unsupportedMechanism',
      `Signature Version 2 is switched off here. Please sign the policy with ${ALGORITHM}.`,
    );
  const accessKeyId = fields.get('awsaccesskeyid') ?? '';
  const credential = await resolve({ accessKeyId, sessionToken, form: 'query-v2' }, common);
  const expected = createHmac('sha1', credential.secretAccessKey)
    .update(policy ?? '')
    .digest();
  const sent = Buffer.from(said, 'base64');
  if (sent.length !== expected.length || !timingSafeEqual(sent, expected))
    throw mismatch(accessKeyId, policy ?? '', said);
  const region = options.defaultRegion;
  return { principal: credential.principal, region, presigned: true, payload: { kind: 'unsigned' } };
}

function mismatch(accessKeyId: string, policy: string, said: string): SignatureProblem {
  return new SignatureProblem('mismatch', '', {
    presigned: true,
    members: { AWSAccessKeyId: accessKeyId, SignatureProvided: said, ...comparable('StringToSign', policy) },
  });
}

function missingField(name: string): Refusal {
  return new Refusal(
    400,
    'InvalidArgument',
    `Bucket POST must contain a field named '${name}'.  If it is specified, please check the order of the fields.`,
    { members: { ArgumentName: name, ArgumentValue: '' } },
  );
}
