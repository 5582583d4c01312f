const RESERVED_PREFIXES = ['xn--', 'sthree-', 'amzn-s3-demo-'];
const RESERVED_SUFFIXES = ['-s3alias', '--ol-s3', '.mrap', '--x-s3', '--table-s3'];

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html */
export function isBucketName(name: string): boolean {
  return (
    /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(name) &&
    // Each label between periods begins and ends with a letter or a digit.
    !/\.[.-]|-\./.test(name) &&
    !/^\d+\.\d+\.\d+\.\d+$/.test(name) &&
    !RESERVED_PREFIXES.some(prefix => name.startsWith(prefix)) &&
    !RESERVED_SUFFIXES.some(suffix => name.endsWith(suffix))
  );
}

/** The bucket that a path names; '' where it names none. @param path path style, percent-encoded */
export function bucketInPath(path: string): string {
  try {
    return decodeURIComponent(path.split('/')[1] ?? '');
  } catch {
    // No bucket has such a name.
    return '';
  }
}
