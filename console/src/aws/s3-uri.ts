export interface S3Place {
  bucket: string;
  /** Without a slash before it; '' for the bucket itself. */
  key: string;
}

/** The parts of `s3://bucket/key`; an empty bucket where it is none. */
export function placeOf(uri: string): S3Place {
  const [, bucket = '', key = ''] = /^s3:\/\/([^/]+)\/?(.*)$/s.exec(uri) ?? [];
  return { bucket, key };
}
