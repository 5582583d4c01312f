/**
 * Names of what model invocation logging writes to S3.
 * https://docs.aws.amazon.com/bedrock/latest/userguide/model-invocation-logging.html
 */

interface Scope {
  accountId: string;
  region: string;
}

/** AWS: larger bodies become objects of their own, and the entry names them. */
export const MAXIMUM_INLINE_BODY_BYTES = 100 * 1024;

/** Where a configuration's check of permissions writes. */
export function permissionCheckKey(prefix: string | undefined, { accountId }: Scope): string {
  return `${logRoot(prefix, accountId)}amazon-bedrock-logs-permission-check`;
}

/** `[prefix/]AWSLogs/<account>/BedrockModelInvocationLogs/<region>/yyyy/mm/dd/hh/`, in UTC. */
export function logFolder(prefix: string | undefined, { accountId, region }: Scope, at: Date): string {
  const [year, month, day, hour] = at.toISOString().split(/[-T:]/);
  return `${logRoot(prefix, accountId)}${region}/${year}/${month}/${day}/${hour}/`;
}

/** `20261125T171530123Z_0a1b2c3d4e5f6071.json.gz`. @param suffix makes it unique */
export function logFileName(at: Date, suffix: string): string {
  return `${at.toISOString().replace(/[-:.]/g, '')}_${suffix}.json.gz`;
}

function logRoot(prefix: string | undefined, accountId: string): string {
  const folder = prefix?.replace(/\/+$/, '');
  return `${folder ? `${folder}/` : ''}AWSLogs/${accountId}/BedrockModelInvocationLogs/`;
}
