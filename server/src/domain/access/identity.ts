import type { Principal } from '../operation.ts';

/** What makes the name of a user, role or group. */
export interface IdentityName {
  kind: 'user' | 'role' | 'group';
  accountId: string;
  /** Begins and ends with a slash. */
  path: string;
  name: string;
}

/** A user, role or group as a caller. */
export interface Identity extends IdentityName {
  /** AIDA…, AROA…, AGPA…. */
  id: string;
  tags: Record<string, string>;
}

/** `arn:aws:iam::123456789012:role/path/name`. */
export function identityArn(row: IdentityName): string {
  return `arn:aws:iam::${row.accountId}:${row.kind}${row.path}${row.name}`;
}

/** Account, path and name in the ARN of a user, role, group or policy; undefined when it is none. */
export function parseIamArn(
  arn: string,
): { accountId: string; type: 'user' | 'role' | 'group' | 'policy'; path: string; name: string } | undefined {
  const parsed = /^arn:aws:iam::(\d{12}|aws):(user|role|group|policy)(\/(?:[^/]+\/)*)([^/]+)$/.exec(arn);
  if (parsed === null) return undefined;
  const [, accountId = '', type, path = '/', name = ''] = parsed;
  return { accountId, type: type as 'user' | 'role' | 'group' | 'policy', path, name };
}

/** The root user of an account. */
export function rootPrincipal(accountId: string): Principal {
  return { type: 'root', arn: `arn:aws:iam::${accountId}:root`, accountId, userId: accountId };
}

export function userPrincipal(user: Identity): Principal {
  return {
    type: 'user',
    arn: identityArn(user),
    accountId: user.accountId,
    userId: user.id,
    userName: user.name,
    tags: user.tags,
  };
}

/** A role itself, of which no session is known: for the policy simulator. */
export function rolePrincipal(role: Identity): Principal {
  const arn = identityArn(role);
  return { type: 'assumedRole', arn, accountId: role.accountId, userId: role.id, roleArn: arn, tags: role.tags };
}

/** A session of a role. @param sessionTags those given to AssumeRole; they win over the role's own */
export function sessionPrincipal(role: Identity, sessionName: string, sessionTags: Record<string, string>): Principal {
  return {
    type: 'assumedRole',
    // AWS: the role's path is not part of a session's ARN.
    arn: `arn:aws:sts::${role.accountId}:assumed-role/${role.name}/${sessionName}`,
    accountId: role.accountId,
    userId: `${role.id}:${sessionName}`,
    roleArn: identityArn(role),
    tags: { ...role.tags, ...sessionTags },
  };
}

/** A session from GetFederationToken. @param issuer the user who asked for it; null for the root user */
export function federatedPrincipal(accountId: string, name: string, issuer: Identity | null): Principal {
  return {
    type: 'federatedUser',
    arn: `arn:aws:sts::${accountId}:federated-user/${name}`,
    accountId,
    userId: `${accountId}:${name}`,
    issuer: issuer && { id: issuer.id, arn: identityArn(issuer) },
  };
}

/** Whether no identity policy is asked: the root user, and a federated user whom the root user made. */
export function isRoot(principal: Principal): boolean {
  return principal.type === 'root' || (principal.type === 'federatedUser' && principal.issuer === null);
}

/** Id of the user or role whose policies a principal has; undefined for root, services and anonymous. */
export function identityIdOf(principal: Principal): string | undefined {
  if (principal.type === 'federatedUser') return principal.issuer?.id;
  if (principal.type !== 'user' && principal.type !== 'assumedRole') return undefined;
  return principal.userId.split(':', 1)[0];
}
