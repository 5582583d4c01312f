import type { X509Certificate } from 'node:crypto';
import { hostname } from 'node:os';
import { type KeyPair, keptPair, pathsIn, readOwnPair } from '../certificates/key-pair.ts';
import { selfSigned } from './self-signed.ts';

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
  const settings = { cert: 'LIKENESS_TLS_CERT', key: 'LIKENESS_TLS_KEY' };
  return { path: certPath, load: () => readOwnPair({ cert: certPath, key: keyPath }, settings) };
}

function ownSource({ folder, host, domain, now }: CertificateOptions): CertificateSource {
  const names = namesFor(host, domain);
  return {
    path: pathsIn(folder).cert,
    load: () =>
      keptPair(
        folder,
        certificate => serves(certificate, names, now()),
        () => {
          // A clock that is a little behind must not refuse what was made just now.
          const begins = new Date(now().getTime() - DAY_MILLISECONDS);
          return selfSigned(names, begins, new Date(begins.getTime() + VALID_DAYS * DAY_MILLISECONDS));
        },
      ),
  };
}

/** `*.localhost` alone does not do: OpenSSL and Node take no wildcard for a whole top-level domain. */
function namesFor(host: string, domain: string | undefined): string[] {
  const everywhere = host === '0.0.0.0' || host === '::';
  const names = ['localhost', '*.localhost', '*.s3.localhost', '127.0.0.1', '::1', everywhere ? hostname() : host];
  if (domain !== undefined) names.push(domain, `*.${domain}`);
  return [...new Set(names)];
}

function serves(certificate: X509Certificate, names: readonly string[], now: Date): boolean {
  const endsAt = new Date(certificate.validTo).getTime();
  const said = certificate.subjectAltName ?? '';
  return (
    endsAt - now.getTime() > RENEWED_BEFORE_DAYS * DAY_MILLISECONDS &&
    names.every(
      name =>
        said.split(', ').includes(`DNS:${name}`) || certificate.checkIP(name.split('%', 1)[0] ?? '') !== undefined,
    )
  );
}
