import type { GenerateCredentialReportResponse, GetCredentialReportResponse } from '@aws-sdk/client-iam';
import { identityArn } from '../../domain/access/identity.ts';
import type { Operation } from '../../domain/operation.ts';
import type { AccessKeyRow, IamRows, IdentityRow } from '../../ports/store-iam.ts';
import type { PasswordPolicyRow } from '../../ports/store-iam-login.ts';
import { type IamDependencies, nameKey } from './identities.ts';

const KEY_COLUMNS = ['active', 'last_rotated', 'last_used_date', 'last_used_region', 'last_used_service'];

/** AWS's, in AWS's order: scripts count them. */
const COLUMNS = [
  ...['user', 'arn', 'user_creation_time', 'password_enabled', 'password_last_used', 'password_last_changed'],
  ...['password_next_rotation', 'mfa_active'],
  ...[1, 2].flatMap(number => KEY_COLUMNS.map(column => `access_key_${number}_${column}`)),
  ...[1, 2].flatMap(number => [`cert_${number}_active`, `cert_${number}_last_rotated`]),
];

const NONE = 'N/A';
/** AWS's word where there is a password, and nothing is known of its use: sign-ins are not written down. */
const UNKNOWN = 'no_information';
const NOT_SUPPORTED = 'not_supported';
const DAY_MILLISECONDS = 86_400_000;
const USERS_PER_READ = 200;
const KEYS_SHOWN = 2;

/**
 * The report of who has which credentials, as auditing tools ask for it. AWS makes one in the background, at most every four
 * hours; here it is made when it is fetched, and so is never absent, in progress or old.
 */
export function credentialReportOperations(deps: IamDependencies) {
  return {
    GenerateCredentialReport: {
      authorize: (_input: object) => [{ resource: '*' }],
      handle: async (_input: object): Promise<GenerateCredentialReportResponse> => ({ State: 'COMPLETE' }),
    },

    GetCredentialReport: {
      authorize: (_input: object) => [{ resource: '*' }],
      async handle(_input: object, { accountId }): Promise<GetCredentialReportResponse> {
        const generatedAt = deps.time.now();
        const { policy, root } = await deps.store.read(async ({ iam }) => ({
          policy: await iam.passwordPolicy(accountId),
          root: await rootLine(iam, accountId),
        }));
        const lines = [COLUMNS, root];
        let after: string | undefined;
        do {
          const read = { after, limit: USERS_PER_READ, pathPrefix: '/' };
          const page = await deps.store.read(async ({ iam }) => {
            const users = await iam.identitiesBelow('user', accountId, read);
            return { users, lines: await Promise.all(users.map(user => userLine(iam, user, policy))) };
          });
          lines.push(...page.lines);
          const last = page.users.length < USERS_PER_READ ? undefined : page.users.at(-1);
          after = last && nameKey(last);
        } while (after !== undefined);
        const text = lines.map(line => line.map(csvCell).join(',')).join('\n');
        return { Content: Buffer.from(text), ReportFormat: 'text/csv', GeneratedTime: generatedAt };
      },
    },
  } satisfies Record<string, Operation<never, unknown>>;
}

async function rootLine(rows: IamRows, accountId: string): Promise<string[]> {
  const account = await rows.account(accountId);
  return [
    ...['<root_account>', `arn:aws:iam::${accountId}:root`, account ? timeOf(account.createdAt) : NONE],
    ...[NOT_SUPPORTED, UNKNOWN, NOT_SUPPORTED, NOT_SUPPORTED],
    ...devicesAndKeys(await rows.accessKeys(accountId, null)),
  ];
}

async function userLine(rows: IamRows, user: IdentityRow, policy: PasswordPolicyRow | undefined): Promise<string[]> {
  const profile = await rows.loginProfile(user.id);
  const maximumAgeDays = policy?.maximumAgeDays ?? 0;
  return [
    ...[user.name, identityArn(user), timeOf(user.createdAt), String(profile !== undefined)],
    ...(profile ? [UNKNOWN, timeOf(profile.changedAt)] : [NONE, NONE]),
    profile && maximumAgeDays > 0 ? timeOf(profile.changedAt, maximumAgeDays * DAY_MILLISECONDS) : NONE,
    ...devicesAndKeys(await rows.accessKeys(user.accountId, user.id)),
  ];
}

/** From `mfa_active` on. There are no devices and no signing certificates here. */
function devicesAndKeys(keys: readonly AccessKeyRow[]): string[] {
  const eldestFirst = keys.toSorted((a, b) => (a.createdAt < b.createdAt ? -1 : 1));
  const cells = Array.from({ length: KEYS_SHOWN }, (_, index) => {
    const key = eldestFirst[index];
    if (key === undefined) return ['false', ...KEY_COLUMNS.slice(1).map(() => NONE)];
    const lastUsed = key.lastUsedAt === null ? NONE : timeOf(key.lastUsedAt);
    return [
      ...[String(key.active), timeOf(key.createdAt), lastUsed],
      ...[key.lastUsedRegion ?? NONE, key.lastUsedService ?? NONE],
    ];
  });
  return ['false', ...cells.flat(), 'false', NONE, 'false', NONE];
}

/** `2026-11-23T05:00:00+00:00`, as AWS writes them in this report. */
function timeOf(stored: string, laterMilliseconds = 0): string {
  return new Date(Date.parse(stored) + laterMilliseconds).toISOString().replace(/\.[0-9]{3}Z$/, '+00:00');
}

/** Of what CSV minds, a user's name may have a comma alone. */
function csvCell(text: string): string {
  return text.includes(',') ? `"${text}"` : text;
}
