/** The parts of `arn:partition:service:region:accountId:resource`; region and account are '' where an ARN has none. */
export interface Arn {
  partition: string;
  service: string;
  region: string;
  accountId: string;
  /** All that follows the fifth colon: `custom-model/base/id`, `role/path/name`, `bucket/key`. */
  resource: string;
}

/** @returns undefined where the text is no ARN */
export function parseArn(text: string): Arn | undefined {
  const [arn, partition, service, region, accountId, ...rest] = text.split(':');
  if (arn !== 'arn' || !partition || !service || region === undefined || accountId === undefined) return undefined;
  const resource = rest.join(':');
  if (resource === '') return undefined;
  return { partition, service, region, accountId, resource };
}

/** @param arn `partition` defaults to `aws` */
export function formatArn(arn: Omit<Arn, 'partition'> & { partition?: string }): string {
  return `arn:${arn.partition ?? 'aws'}:${arn.service}:${arn.region}:${arn.accountId}:${arn.resource}`;
}
