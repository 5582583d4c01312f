import { invalidArgument, s3Fault } from './faults.ts';

/** Inclusive byte offsets. */
export interface ByteRange {
  start: number;
  end: number;
}

/**
 * `bytes=a-b`, `bytes=a-`, `bytes=-n`. What is none of these, several ranges included, S3 ignores: the whole is answered.
 * @throws Fault InvalidRange where the range holds no byte of the object
 */
export function parseRange(header: string | undefined, sizeBytes: number): ByteRange | undefined {
  const found = /^bytes\s*=\s*(\d*)\s*-\s*(\d*)$/.exec(header?.trim() ?? '');
  if (!found || header === undefined) return undefined;
  const [, first = '', last = ''] = found;
  if (first === '' && last === '') return undefined;
  const start = first === '' ? Math.max(0, sizeBytes - Number(last)) : Number(first);
  const end = first === '' || last === '' ? sizeBytes - 1 : Math.min(Number(last), sizeBytes - 1);
  if (first !== '' && last !== '' && Number(last) < Number(first)) return undefined;
  if (start > end)
    throw s3Fault('InvalidRange', 'The requested range is not satisfiable', {
      members: { RangeRequested: header, ActualObjectSize: sizeBytes },
      headers: { 'content-range': `bytes */${sizeBytes}` },
    });
  return { start, end };
}

/** The strict form of UploadPartCopy. @throws Fault InvalidArgument, InvalidRequest where it begins behind the source's end */
export function parseCopyRange(header: string | undefined, sizeBytes: number): ByteRange | undefined {
  if (header === undefined) return undefined;
  const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(header) ?? [];
  if (first === undefined || last === undefined || Number(first) > Number(last))
    throw invalidArgument(
      'x-amz-copy-source-range',
      header,
      'The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy',
    );
  if (Number(first) >= sizeBytes)
    throw s3Fault('InvalidRequest', 'The specified copy range is invalid for the source object size');
  if (Number(last) >= sizeBytes)
    throw s3Fault('InvalidArgument', `Range specified is not valid for source object of size: ${sizeBytes}`, {
      members: { ArgumentName: 'x-amz-copy-source-range', ArgumentValue: header },
    });
  return { start: Number(first), end: Number(last) };
}
