/** A certificate and its key, as PEM files: the service's own in the data folder, or the user's. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { chmod, mkdir, open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';

export interface KeyPair {
  /** PEM; the certificate may be followed by those that issued it. */
  cert: string;
  key: string;
}

/**
 * The user's own pair.
 * @param settings the names of the two settings, for messages
 * @throws Error in one line for a file that cannot be read, that holds no PEM, or a key of another certificate
 */
export async function readOwnPair(
  paths: { cert: string; key: string },
  settings: { cert: string; key: string },
): Promise<KeyPair> {
  const pair = { cert: await readNamed(paths.cert, settings.cert), key: await readNamed(paths.key, settings.key) };
  const certificate = parsed(`${settings.cert} must hold a certificate in PEM`, () => new X509Certificate(pair.cert));
  const privateKey = parsed(`${settings.key} must hold a private key in PEM, without a password`, () =>
    createPrivateKey(pair.key),
  );
  if (!certificate.checkPrivateKey(privateKey))
    throw new Error(
      `${settings.key} does not belong to ${settings.cert}: the first certificate of the file must be the server’s own.`,
    );
  return pair;
}

/**
 * The service's own pair in a folder: `cert.pem`, and `key.pem` that nobody else may read.
 * @param isUsable not called for a pair that does not fit together
 * @param make called where there is none that is usable
 */
export async function keptPair(
  folder: string,
  isUsable: (certificate: X509Certificate) => boolean,
  make: () => KeyPair,
): Promise<KeyPair> {
  const paths = pathsIn(folder);
  const [cert, key] = await Promise.all([readIfThere(paths.cert), readIfThere(paths.key)]);
  if (cert !== undefined && key !== undefined && fits(cert, key, isUsable)) {
    await chmod(paths.key, 0o600);
    return { cert, key };
  }
  const made = make();
  await mkdir(folder, { recursive: true, mode: 0o700 });
  // A crash between the two leaves a pair that does not fit, and the next start makes another.
  await writeWhole(paths.key, made.key, 0o600);
  await writeWhole(paths.cert, made.cert, 0o644);
  return made;
}

export function pathsIn(folder: string): { cert: string; key: string } {
  return { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') };
}

function fits(cert: string, key: string, isUsable: (certificate: X509Certificate) => boolean): boolean {
  try {
    const certificate = new X509Certificate(cert);
    return certificate.checkPrivateKey(createPrivateKey(key)) && isUsable(certificate);
  } catch {
    // A file that was cut off or changed: made anew.
    return false;
  }
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
