import { Sha256 } from '@aws-crypto/sha256-browser';
import { SignatureV4 } from '@smithy/signature-v4';
import { currentRegion } from '../../app/preferences.ts';
import { currentCredentials } from '../../app/session.ts';

/** An address that opens an object without a key, until it or the session ends. */
export async function presignedUrl(bucket: string, key: string, seconds: number): Promise<string> {
  const signer = new SignatureV4({
    service: 's3',
    region: currentRegion(),
    credentials: await currentCredentials(),
    sha256: Sha256,
    uriEscapePath: false,
  });
  const path = `/${bucket}/${key.split('/').map(encodeURIComponent).join('/')}`;
  const { protocol, hostname, host, origin } = window.location;
  const { query = {} } = await signer.presign(
    { method: 'GET', protocol, hostname, path, headers: { host } },
    { expiresIn: seconds },
  );
  const search = Object.entries(query).map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`);
  return `${origin}${path}?${search.join('&')}`;
}
