import type { Principal } from '../operation.ts';
import { canonicalUserId } from './acl.ts';
import { object, PolicySyntaxError, stringList } from './syntax.ts';

/** One principal of a policy. `account` and `canonicalUser` stand for all of an account; the rest for exactly one. */
export type PrincipalName =
  | { type: 'anyone' }
  | { type: 'account'; accountId: string }
  | { type: 'arn'; arn: string }
  | { type: 'canonicalUser'; id: string }
  | { type: 'service'; service: string }
  | { type: 'other'; text: string };

export interface PrincipalList {
  /** NotPrincipal: everyone but these. */
  not: boolean;
  names: readonly PrincipalName[];
}

/** How a policy reaches a caller, from weakest to strongest; the strength decides what else must agree. */
export type Reach = 'none' | 'account' | 'role' | 'direct';

const KINDS = new Set(['AWS', 'Service', 'Federated', 'CanonicalUser']);
const PRINCIPAL_ARN = /^arn:aws[a-z-]*:(iam|sts)::(\d{12}):(root|(?:user|role|assumed-role|federated-user)\/[^*?]+)$/;

/** @throws PolicySyntaxError */
export function parsePrincipals(value: unknown, not: boolean, where: string): PrincipalList {
  if (value === '*') return { not, names: [{ type: 'anyone' }] };
  const kinds = object(value, `Principal of ${where}, where it is not "*",`);
  const names: PrincipalName[] = [];
  for (const [kind, list] of Object.entries(kinds)) {
    if (!KINDS.has(kind))
      throw new PolicySyntaxError(
        `Invalid principal in policy: "${kind}" of ${where} is none of AWS, Service, Federated, CanonicalUser.`,
      );
    for (const text of stringList(list, `Principal ${kind} of ${where}`)) names.push(parseName(kind, text));
  }
  if (names.length === 0) throw new PolicySyntaxError(`Missing required field Principal cannot be empty! (${where})`);
  return { not, names };
}

function parseName(kind: string, text: string): PrincipalName {
  if (kind === 'Service') {
    if (!/^[a-z0-9-]+(\.[a-z0-9-]+)*\.amazonaws\.com$/.test(text))
      throw new PolicySyntaxError(`Invalid principal in policy: "SERVICE":"${text}"`);
    return { type: 'service', service: text };
  }
  if (kind === 'CanonicalUser') return { type: 'canonicalUser', id: text };
  if (kind !== 'AWS') return { type: 'other', text };
  if (text === '*') return { type: 'anyone' };
  if (/^\d{12}$/.test(text)) return { type: 'account', accountId: text };
  const parsed = PRINCIPAL_ARN.exec(text);
  if (parsed === null) throw new PolicySyntaxError(`Invalid principal in policy: "AWS":"${text}"`);
  const [, , accountId = '', name] = parsed;
  return name === 'root' ? { type: 'account', accountId } : { type: 'arn', arn: text };
}

/** ARNs of users and roles that a list names, for a caller that wants to know whether they exist. */
export function namedArns(list: PrincipalList): string[] {
  return list.names.flatMap(name => (name.type === 'arn' ? [name.arn] : []));
}

/** Whether (and how) a policy's principals reach the caller. */
export function reach(list: PrincipalList, principal: Principal): Reach {
  // AWS: an account in NotPrincipal spares its root user only; its users and roles must be named themselves.
  if (list.not)
    return list.names.some(name => ['direct', 'role'].includes(reachOf(name, principal))) ? 'none' : 'direct';
  const reaches = list.names.map(name => reachOf(name, principal));
  return (['direct', 'role', 'account'] as const).find(strength => reaches.includes(strength)) ?? 'none';
}

/** Every ARN by which a policy's principal can reach the caller: its own, its role's or issuer's, its account's. */
export function principalArns(principal: Principal): string[] {
  if (principal.type === 'anonymous' || principal.type === 'service') return [];
  const { arn, roleArn, issuer, accountId } = principal;
  return [...new Set([arn, roleArn ?? issuer?.arn ?? arn, `arn:aws:iam::${accountId}:root`])];
}

function reachOf(name: PrincipalName, principal: Principal): Reach {
  switch (name.type) {
    case 'anyone':
      return 'direct';
    case 'service':
      return principal.type === 'service' && principal.arn === name.service ? 'direct' : 'none';
    case 'account':
    case 'canonicalUser':
      if (principal.type === 'anonymous' || principal.type === 'service') return 'none';
      if (
        name.type === 'account'
          ? principal.accountId !== name.accountId
          : canonicalUserId(principal.accountId) !== name.id
      )
        return 'none';
      // The root user is its account; for the others the account decides further, by identity policies.
      return principal.type === 'root' ? 'direct' : 'account';
    case 'arn':
      if (principal.type === 'anonymous' || principal.type === 'service') return 'none';
      if (principal.arn === name.arn) return 'direct';
      // A grant to the role, or to the user who federated, is bounded by the session's policies.
      return name.arn === (principal.roleArn ?? principal.issuer?.arn) ? 'role' : 'none';
    case 'other':
      return 'none';
  }
}
