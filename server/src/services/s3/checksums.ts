import { createHash } from 'node:crypto';
import type { ChecksumAlgorithm, ChecksumType } from '../../ports/store-s3.ts';
import { CRC32, CRC32C, CRC64NVME, type CrcAlgorithm, combineCrc } from './crc.ts';
import { headerNotImplemented, s3Fault } from './faults.ts';

export interface RunningChecksum {
  update(bytes: Uint8Array): void;
  /** Base64 of the big-endian digest. */
  digest(): string;
}

interface Algorithm {
  digestSizeBytes: number;
  /** What a multipart upload gets where the client names the algorithm only. */
  defaultType: ChecksumType;
  types: readonly ChecksumType[];
  crc?: CrcAlgorithm;
  hash?: string;
}

const BOTH = ['FULL_OBJECT', 'COMPOSITE'] as const;

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html */
const ALGORITHMS: Readonly<Record<ChecksumAlgorithm, Algorithm>> = {
  CRC32: { digestSizeBytes: 4, defaultType: 'COMPOSITE', types: BOTH, crc: CRC32 },
  CRC32C: { digestSizeBytes: 4, defaultType: 'COMPOSITE', types: BOTH, crc: CRC32C },
  CRC64NVME: { digestSizeBytes: 8, defaultType: 'FULL_OBJECT', types: ['FULL_OBJECT'], crc: CRC64NVME },
  SHA1: { digestSizeBytes: 20, defaultType: 'COMPOSITE', types: ['COMPOSITE'], hash: 'sha1' },
  SHA256: { digestSizeBytes: 32, defaultType: 'COMPOSITE', types: ['COMPOSITE'], hash: 'sha256' },
  SHA512: { digestSizeBytes: 64, defaultType: 'COMPOSITE', types: ['COMPOSITE'], hash: 'sha512' },
  MD5: { digestSizeBytes: 16, defaultType: 'COMPOSITE', types: ['COMPOSITE'], hash: 'md5' },
};

const NAMES = Object.keys(ALGORITHMS) as ChecksumAlgorithm[];
/** In the SDK's model, but nothing in Node computes them. */
const REFUSED = ['XXHASH64', 'XXHASH3', 'XXHASH128'] as const;
const HEADER_PREFIX = 'x-amz-checksum-';

export type ChecksumMembers = { [Name in ChecksumAlgorithm as `Checksum${Name}`]?: string | undefined };

export interface DeclaredChecksum {
  algorithm: ChecksumAlgorithm;
  /** Undefined: it follows in the trailer, and is in the headers once the body has been read. */
  value: string | undefined;
}

type Headers = Readonly<Record<string, string | undefined>>;

export function startChecksum(name: ChecksumAlgorithm): RunningChecksum {
  const { crc, hash } = ALGORITHMS[name];
  if (crc) {
    const running = crc.start();
    return { update: bytes => running.update(bytes), digest: () => encode(crc, running.value()) };
  }
  const running = createHash(hash ?? name);
  return { update: bytes => void running.update(bytes), digest: () => running.digest('base64') };
}

/**
 * The checksum that an upload carries, in a header or announced as a trailer.
 * @throws Fault InvalidRequest for more than one, for a value that is no digest, and for an algorithm named without one
 */
export function declaredChecksum(headers: Headers): DeclaredChecksum | undefined {
  for (const name of REFUSED)
    if (headers[headerOf(name)] !== undefined || trailers(headers).includes(headerOf(name)))
      throw headerNotImplemented(headerOf(name), `Use one of ${NAMES.join(', ')}.`);
  const found = NAMES.filter(
    name => headers[headerOf(name)] !== undefined || trailers(headers).includes(headerOf(name)),
  );
  if (found.length > 1)
    throw s3Fault(
      'InvalidRequest',
      'Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.',
    );
  const [algorithm] = found;
  const named = headers['x-amz-sdk-checksum-algorithm'];
  if (algorithm === undefined) {
    if (named !== undefined)
      throw s3Fault(
        'InvalidRequest',
        'x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found.',
      );
    return undefined;
  }
  if (named !== undefined && named.toUpperCase() !== algorithm)
    throw s3Fault('InvalidRequest', 'Value for x-amz-sdk-checksum-algorithm header is invalid.');
  const value = headers[headerOf(algorithm)];
  if (value !== undefined) checkDigest(algorithm, value);
  return { algorithm, value };
}

/** @throws Fault InvalidRequest where a value cannot be a digest of the algorithm */
export function checkDigest(algorithm: ChecksumAlgorithm, value: string): void {
  const bytes = Buffer.from(value, 'base64');
  if (bytes.length !== ALGORITHMS[algorithm].digestSizeBytes || bytes.toString('base64') !== value)
    throw s3Fault('InvalidRequest', `Value for ${headerOf(algorithm)} header is invalid.`);
}

export function headerOf(algorithm: string): string {
  return HEADER_PREFIX + algorithm.toLowerCase();
}

function trailers(headers: Headers): string[] {
  return (headers['x-amz-trailer'] ?? '').split(',').map(name => name.trim().toLowerCase());
}

/** @throws Fault InvalidRequest where S3 has no such algorithm */
export function parseAlgorithm(name: string): ChecksumAlgorithm {
  const algorithm = NAMES.find(known => known === name.toUpperCase());
  if (algorithm) return algorithm;
  if (REFUSED.some(refused => refused === name.toUpperCase()))
    throw headerNotImplemented('x-amz-checksum-algorithm', `Use one of ${NAMES.join(', ')}; you sent ${name}.`);
  throw s3Fault(
    'InvalidRequest',
    'Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256, SHA512, MD5]',
  );
}

/** What a multipart upload's checksum will cover. @throws Fault InvalidRequest where the two do not go together */
export function multipartChecksumType(algorithm: ChecksumAlgorithm, type: string | undefined): ChecksumType {
  const { defaultType, types } = ALGORITHMS[algorithm];
  if (type === undefined) return defaultType;
  const chosen = types.find(known => known === type);
  if (!chosen)
    throw s3Fault(
      'InvalidRequest',
      `The ${type} checksum type cannot be used with the ${algorithm.toLowerCase()} checksum algorithm.`,
    );
  return chosen;
}

/** The checksum of a whole multipart upload from its parts', without reading a byte again. */
export function checksumOfParts(
  algorithm: ChecksumAlgorithm,
  type: ChecksumType,
  parts: readonly { checksum: string; sizeBytes: number }[],
): string {
  const { crc } = ALGORITHMS[algorithm];
  if (type === 'COMPOSITE' || !crc) {
    const running = startChecksum(algorithm);
    for (const part of parts) running.update(Buffer.from(part.checksum, 'base64'));
    return `${running.digest()}-${parts.length}`;
  }
  let value = 0n;
  for (const part of parts) value = combineCrc(crc, value, decode(part.checksum), part.sizeBytes);
  return encode(crc, value);
}

/** The output members that show a checksum; none where there is none. */
export function checksumMembers(algorithm: ChecksumAlgorithm | null, value: string | null): ChecksumMembers {
  return algorithm !== null && value !== null ? { [`Checksum${algorithm}`]: value } : {};
}

/** The value a request's structure (a part in a list) gives for an algorithm. */
export function checksumIn(members: ChecksumMembers, algorithm: ChecksumAlgorithm): string | undefined {
  return members[`Checksum${algorithm}`];
}

function encode({ widthBits }: CrcAlgorithm, value: bigint): string {
  return Buffer.from(value.toString(16).padStart(widthBits / 4, '0'), 'hex').toString('base64');
}

function decode(text: string): bigint {
  return BigInt(`0x${Buffer.from(text, 'base64').toString('hex')}`);
}
