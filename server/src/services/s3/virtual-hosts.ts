/** Where a request goes, as if it had been addressed by path. */
export interface PathStyle {
  /** Without the bucket's label: what URLs in answers are made with. */
  host: string;
  path: string;
}

const AWS = /^(?:(.+)\.)?(s3(?:[.-]dualstack)?(?:[.-][a-z]{2,3}(?:-[a-z]+)+-\d{1,2})?\.amazonaws\.com(?:\.cn)?)$/;
const LOCAL = /^(?:(.+)\.)?(s3(?:\.[a-z]{2,3}(?:-[a-z]+)+-\d{1,2})?\.localhost)$/;

/**
 * Reads the bucket out of a virtual-hosted request: `bucket.s3.<region>.amazonaws.com`, `bucket.s3.localhost`,
 * `bucket.localhost`, and `bucket.` before a domain of the installation's own.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html
 * @param domains names that the service itself is called by: they are never a bucket
 */
export function pathStyle(host: string, path: string, domains: readonly string[]): PathStyle {
  const [, name = '', port = ''] = /^([^:[\]]+)(:\d+)?$/.exec(host) ?? [];
  const lower = name.toLowerCase();
  const match =
    AWS.exec(lower) ??
    LOCAL.exec(lower) ??
    [...domains, 'localhost']
      .map(domain => underDomain(lower, domain.toLowerCase()))
      .find(found => found !== undefined);
  const [, bucket, rest = name] = match ?? [];
  if (bucket === undefined) return { host, path };
  return { host: `${rest}${port}`, path: `/${bucket}${path.startsWith('/') ? path : `/${path}`}` };
}

function underDomain(name: string, domain: string): [string, string | undefined, string] | undefined {
  if (name === domain) return [name, undefined, domain];
  return name.endsWith(`.${domain}`) ? [name, name.slice(0, -domain.length - 1), domain] : undefined;
}
