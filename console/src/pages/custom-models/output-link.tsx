import { To } from '../../app/show.tsx';
import { placeOf } from '../../aws/s3-uri.ts';

/** Where a job writes, in the S3 browser. */
export function OutputLink({ uri }: { uri: string | undefined }) {
  if (uri === undefined) return '–';
  const { bucket, key } = placeOf(uri);
  return <To to={`/s3/${bucket}?prefix=${encodeURIComponent(key)}`}>{uri}</To>;
}
