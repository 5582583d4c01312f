import type { PolicyDocument } from './document.ts';
import { parseIamArn } from './identity.ts';
import { namedArns } from './principal.ts';

interface Identities {
  identity(kind: 'user' | 'role', accountId: string, name: string): Promise<{ path: string } | undefined>;
}

/**
 * AWS: a policy of a role, a bucket or a key may only name users and roles that exist. Those of other accounts than its own
 * are not looked up: the answer would tell who is there.
 * @returns the ARN of the first that does not
 */
export function unknownPrincipal(
  rows: Identities,
  accountId: string,
  { statements }: PolicyDocument,
): Promise<string | undefined> {
  const arns = statements.flatMap(({ principals }) => (principals === undefined ? [] : namedArns(principals)));
  return unknownIdentity(rows, accountId, arns);
}

/** The first ARN of a user or role of the account that is not there. */
export async function unknownIdentity(
  rows: Identities,
  accountId: string,
  arns: readonly string[],
): Promise<string | undefined> {
  for (const arn of arns) {
    const parsed = parseIamArn(arn);
    if (parsed === undefined || parsed.accountId !== accountId) continue;
    if (parsed.type !== 'user' && parsed.type !== 'role') continue;
    const row = await rows.identity(parsed.type, accountId, parsed.name);
    if (row === undefined || row.path !== parsed.path) return arn;
  }
  return undefined;
}
