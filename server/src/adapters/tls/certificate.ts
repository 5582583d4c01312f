import { createPrivateKey, X509Certificate } from 'node:crypto';
import { chmod, mkdir, open, readFile, rename } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { type KeyPair, selfSigned } from './self-signed.ts';

/** Apple's clients trust no certificate that is valid for longer. */
const VALID_DAYS = 397;
const RENEWED_BEFORE_DAYS = 30;
const DAY_MILLISECONDS = 24 * 60 * 60 * 1000;

export interface CertificateOptions {
  /** DATA/tls; what the service makes itself lies here. */
  folder: string;
  /** The user's own pair; undefined: a self-made one. */
  certPath: string | undefined;
  keyPath: string | undefined;
  host: string;
  /** The own domain that buckets are served under, which the self-made certificate covers too. */
  domain: string | undefined;
  now(): Date;
}

export interface CertificateSource {
  /** What a client trusts: AWS_CA_BUNDLE. */
  path: string;
  /**
   * The pair to serve now: the user's as it lies on the disk, or the service's own, made where there is none, where it
   * ends within 30 days, and where it lacks a name.
   * @throws Error in one line for a pair that cannot be used
   */
  load(): Promise<KeyPair>;
}

/** @throws Error where only one half of a pair is named */
export function certificateSource(options: CertificateOptions): CertificateSource {
  const { certPath, keyPath } = options;
  if (certPath === undefined && keyPath === undefined) return ownSource(options);
  if (certPath === undefined || keyPath === undefined)
    throw new Error('LIKENESS_TLS_CERT and LIKENESS_TLS_KEY go together: set both, or neither for a self-made pair.');
  return {
    path: certPath,
    load: async () =>
      checked(await readNamed(certPath, 'LIKENESS_TLS_CERT'), await readNamed(keyPath, 'LIKENESS_TLS_KEY')),
  };
}

function ownSource({ folder, host, domain, now }: CertificateOptions): CertificateSource {
  const path = join(folder, 'cert.pem');
  const keyPath = join(folder, 'key.pem');
  const names = namesFor(host, domain);
  return {
    path,
    async load() {
      const [cert, key] = await Promise.all([readIfThere(path), readIfThere(keyPath)]);
      if (cert !== undefined && key !== undefined && serves(cert, key, names, now())) {
        await chmod(keyPath, 0o600);
        return { cert, key };
      }
      // A clock that is a little behind must not refuse what was made just now.
      const begins = new Date(now().getTime() - DAY_MILLISECONDS);
      const made = selfSigned(names, begins, new Date(begins.getTime() + VALID_DAYS * DAY_MILLISECONDS));
      await mkdir(folder, { recursive: true, mode: 0o700 });
      // A crash between the two leaves a pair that does not fit, and the next start makes another.
      await writeWhole(keyPath, made.key, 0o600);
      await writeWhole(path, made.cert, 0o644);
      return made;
    },
  };
}

/** `*.localhost` alone does not do: OpenSSL and Node take no wildcard for a whole top-level domain. */
function namesFor(host: string, domain: string | undefined): string[] {
  const everywhere = host === '0.0.0.0' || host === '::';
  const names = ['localhost', '*.localhost', '*.s3.localhost', '127.0.0.1', '::1', everywhere ? hostname() : host];
  if (domain !== undefined) names.push(domain, `*.${domain}`);
  return [...new Set(names)];
}

function serves(cert: string, key: string, names: readonly string[], now: Date): boolean {
  try {
    const certificate = new X509Certificate(cert);
    const endsAt = new Date(certificate.validTo).getTime();
    const said = certificate.subjectAltName ?? '';
    return (
      certificate.checkPrivateKey(createPrivateKey(key)) &&
      endsAt - now.getTime() > RENEWED_BEFORE_DAYS * DAY_MILLISECONDS &&
      names.every(
        name =>
          said.split(', ').includes(`DNS:${name}`) || certificate.checkIP(name.split('%', 1)[0] ?? '') !== undefined,
      )
    );
  } catch {
    // A file that was cut off or changed: made anew.
    return false;
  }
}

function checked(cert: string, key: string): KeyPair {
  const certificate = parsed('LIKENESS_TLS_CERT must hold a certificate in PEM', () => new X509Certificate(cert));
  const privateKey = parsed('LIKENESS_TLS_KEY must hold a private key in PEM, without a password', () =>
    createPrivateKey(key),
  );
  if (!certificate.checkPrivateKey(privateKey))
    throw new Error(
      'LIKENESS_TLS_KEY does not belong to LIKENESS_TLS_CERT: the first certificate of the file must be the server’s own.',
    );
  return { cert, key };
}

function parsed<T>(rule: string, parse: () => T): T {
  try {
    return parse();
  } catch (cause) {
    throw new Error(`${rule}; it does not.`, { cause });
  }
}

async function readNamed(path: string, variable: string): Promise<string> {
  return await readFile(path, 'utf8').catch(cause => {
    throw new Error(`${variable} names a file that cannot be read: ${path} (${(cause as Error).message}).`, { cause });
  });
}

async function readIfThere(path: string): Promise<string | undefined> {
  return await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
}

async function writeWhole(path: string, text: string, mode: number): Promise<void> {
  const file = await open(`${path}.tmp`, 'w', mode);
  try {
    await file.chmod(mode);
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.tmp`, path);
}
