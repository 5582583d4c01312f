import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import type { Credentials } from './likeness.ts';

/** Whose key this is. @throws the SDK's error where it is nobody's */
export async function callerOf(credentials: Credentials, region: string): Promise<{ accountId: string; arn: string }> {
  const client = new STSClient({ endpoint: window.location.origin, region, credentials });
  const { Account = '', Arn = '' } = await client.send(new GetCallerIdentityCommand({}));
  return { accountId: Account, arn: Arn };
}
