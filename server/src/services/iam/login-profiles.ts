import type {
  ChangePasswordRequest,
  CreateLoginProfileRequest,
  CreateLoginProfileResponse,
  DeleteLoginProfileRequest,
  GetAccountPasswordPolicyResponse,
  GetLoginProfileRequest,
  GetLoginProfileResponse,
  LoginProfile,
  UpdateAccountPasswordPolicyRequest,
  UpdateLoginProfileRequest,
} from '@aws-sdk/client-iam';
import { Fault } from '../../domain/fault.ts';
import type { Operation, RequestContext } from '../../domain/operation.ts';
import type { IamRows, IdentityRow } from '../../ports/store-iam.ts';
import type { LoginProfileRow } from '../../ports/store-iam-login.ts';
import { alreadyExists, noSuchEntity } from './faults.ts';
import { findIdentity, type IamDependencies, identityQuestion } from './identities.ts';
import { checkPassword, checkReuse, hashPassword, passwordMatches } from './passwords.ts';
import { callerName } from './users.ts';

/** AWS's largest PasswordReusePrevention. */
const KEPT_HASHES = 24;

/** Passwords of users. They are hashed before any transaction begins: that takes its time. */
export function loginProfileOperations(deps: IamDependencies) {
  const authorize = (input: { UserName?: string | undefined }, ctx: RequestContext) =>
    input.UserName === undefined
      ? [{ resource: ctx.principal.arn }]
      : identityQuestion(deps, 'user', input.UserName, ctx);

  return {
    CreateLoginProfile: {
      authorize: (input: CreateLoginProfileRequest, ctx) => authorize(input, ctx),
      async handle(input: CreateLoginProfileRequest, ctx): Promise<CreateLoginProfileResponse> {
        const { Password: password = '' } = input;
        checkPassword(password, await deps.store.read(({ iam }) => iam.passwordPolicy(ctx.accountId)));
        const passwordHash = await hashPassword(password, deps.ids);
        const createdAt = deps.time.now().toISOString();
        return await deps.store.transaction(async ({ iam }) => {
          const user = await findUser(iam, input, ctx);
          if ((await iam.loginProfile(user.id)) !== undefined)
            throw alreadyExists(`Login Profile for user ${user.name} already exists.`);
          const resetRequired = input.PasswordResetRequired ?? false;
          const times = { createdAt, changedAt: createdAt };
          const row = { userId: user.id, passwordHash, earlierHashes: [], resetRequired, ...times };
          await iam.putLoginProfile(row);
          return { LoginProfile: describe(user, row) };
        });
      },
    },

    GetLoginProfile: {
      authorize: (input: GetLoginProfileRequest, ctx) => authorize(input, ctx),
      async handle(input: GetLoginProfileRequest, ctx): Promise<GetLoginProfileResponse> {
        return await deps.store.read(async ({ iam }) => {
          const user = await findUser(iam, input, ctx);
          return { LoginProfile: describe(user, await findProfile(iam, user)) };
        });
      },
    },

    UpdateLoginProfile: {
      authorize: (input: UpdateLoginProfileRequest, ctx) => authorize(input, ctx),
      async handle(input: UpdateLoginProfileRequest, ctx): Promise<object> {
        const { user, profile } = await deps.store.read(async ({ iam }) => {
          const found = await findUser(iam, input, ctx);
          return { user: found, profile: await findProfile(iam, found) };
        });
        const { Password: password, PasswordResetRequired: resetRequired = profile.resetRequired } = input;
        const renewed = password === undefined ? profile : await renewedProfile(deps, user, profile, password);
        await replace(deps, profile, { ...renewed, resetRequired });
        return {};
      },
    },

    DeleteLoginProfile: {
      authorize: (input: DeleteLoginProfileRequest, ctx) => authorize(input, ctx),
      async handle(input: DeleteLoginProfileRequest, ctx): Promise<object> {
        return await deps.store.transaction(async ({ iam }) => {
          const user = await findUser(iam, input, ctx);
          if (!(await iam.deleteLoginProfile(user.id))) throw noSuchProfile(user.name);
          return {};
        });
      },
    },

    ChangePassword: {
      async authorize(_input: ChangePasswordRequest, ctx) {
        const policy = await deps.store.read(({ iam }) => iam.passwordPolicy(ctx.accountId));
        // AWS: the account's password policy alone may let its users do so.
        return policy?.usersMayChange && ctx.principal.type === 'user' ? [] : [{ resource: ctx.principal.arn }];
      },
      async handle(input: ChangePasswordRequest, ctx): Promise<object> {
        if (ctx.principal.type !== 'user')
          throw new Fault('invalid', 'Only an IAM user has a password to change.', { code: 'InvalidUserType' });
        const { user, profile } = await deps.store.read(async ({ iam }) => {
          const found = await findUser(iam, {}, ctx);
          return { user: found, profile: await findProfile(iam, found) };
        });
        if (!(await passwordMatches(input.OldPassword ?? '', profile.passwordHash)))
          throw new Fault('denied', 'The old password was incorrect.');
        await replace(deps, profile, await renewedProfile(deps, user, profile, input.NewPassword ?? ''));
        return {};
      },
    },

    GetAccountPasswordPolicy: {
      authorize: (_input: object) => [{ resource: '*' }],
      async handle(_input: object, ctx): Promise<GetAccountPasswordPolicyResponse> {
        const row = await deps.store.read(({ iam }) => iam.passwordPolicy(ctx.accountId));
        if (row === undefined) throw noSuchPasswordPolicy(ctx.accountId);
        const { maximumAgeDays, reusePrevention } = row;
        return {
          PasswordPolicy: {
            MinimumPasswordLength: row.minimumLength,
            RequireSymbols: row.requireSymbols,
            RequireNumbers: row.requireNumbers,
            RequireUppercaseCharacters: row.requireUppercase,
            RequireLowercaseCharacters: row.requireLowercase,
            AllowUsersToChangePassword: row.usersMayChange,
            ExpirePasswords: maximumAgeDays > 0,
            ...(maximumAgeDays > 0 ? { MaxPasswordAge: maximumAgeDays } : {}),
            ...(reusePrevention > 0 ? { PasswordReusePrevention: reusePrevention } : {}),
            HardExpiry: row.hardExpiry,
          },
        };
      },
    },

    UpdateAccountPasswordPolicy: {
      authorize: (_input: UpdateAccountPasswordPolicyRequest) => [{ resource: '*' }],
      async handle(input: UpdateAccountPasswordPolicyRequest, ctx): Promise<object> {
        // AWS: what the call leaves out goes back to its default.
        const row = {
          minimumLength: input.MinimumPasswordLength ?? 6,
          requireSymbols: input.RequireSymbols ?? false,
          requireNumbers: input.RequireNumbers ?? false,
          requireUppercase: input.RequireUppercaseCharacters ?? false,
          requireLowercase: input.RequireLowercaseCharacters ?? false,
          usersMayChange: input.AllowUsersToChangePassword ?? false,
          maximumAgeDays: input.MaxPasswordAge ?? 0,
          reusePrevention: input.PasswordReusePrevention ?? 0,
          hardExpiry: input.HardExpiry ?? false,
        };
        await deps.store.transaction(({ iam }) => iam.putPasswordPolicy(ctx.accountId, row));
        return {};
      },
    },

    DeleteAccountPasswordPolicy: {
      authorize: (_input: object) => [{ resource: '*' }],
      async handle(_input: object, ctx): Promise<object> {
        const found = await deps.store.transaction(({ iam }) => iam.deletePasswordPolicy(ctx.accountId));
        if (!found) throw noSuchPasswordPolicy(ctx.accountId);
        return {};
      },
    },
  } satisfies Record<string, Operation<never, unknown>>;
}

/** The profile with a new password, which satisfies the account's policy. @throws Fault PasswordPolicyViolation */
export async function renewedProfile(
  deps: IamDependencies,
  user: IdentityRow,
  profile: LoginProfileRow,
  password: string,
): Promise<LoginProfileRow> {
  const policy = await deps.store.read(({ iam }) => iam.passwordPolicy(user.accountId));
  checkPassword(password, policy);
  const hashes = [profile.passwordHash, ...profile.earlierHashes];
  await checkReuse(password, hashes, policy);
  const passwordHash = await hashPassword(password, deps.ids);
  const changedAt = deps.time.now().toISOString();
  return { ...profile, passwordHash, earlierHashes: hashes.slice(0, KEPT_HASHES), resetRequired: false, changedAt };
}

/** Stores a profile unless another call changed it meanwhile. @throws Fault EntityTemporarilyUnmodifiable */
export async function replace(deps: IamDependencies, old: LoginProfileRow, renewed: LoginProfileRow): Promise<void> {
  await deps.store.transaction(async ({ iam }) => {
    const now = await iam.loginProfile(old.userId);
    if (now?.passwordHash !== old.passwordHash)
      throw new Fault('conflict', 'The login profile was changed at the same time; try again.', {
        code: 'EntityTemporarilyUnmodifiable',
      });
    await iam.putLoginProfile(renewed);
  });
}

async function findUser(rows: IamRows, input: { UserName?: string | undefined }, ctx: RequestContext) {
  return await findIdentity(rows, 'user', ctx.accountId, input.UserName ?? callerName(ctx) ?? 'root');
}

async function findProfile(rows: IamRows, user: IdentityRow): Promise<LoginProfileRow> {
  const profile = await rows.loginProfile(user.id);
  if (profile === undefined) throw noSuchProfile(user.name);
  return profile;
}

function describe(user: IdentityRow, row: LoginProfileRow): LoginProfile {
  return { UserName: user.name, CreateDate: new Date(row.createdAt), PasswordResetRequired: row.resetRequired };
}

function noSuchProfile(name: string): Fault {
  return noSuchEntity(`Login Profile for User ${name} cannot be found.`);
}

function noSuchPasswordPolicy(accountId: string): Fault {
  return noSuchEntity(`The Password Policy with domain name ${accountId} cannot be found.`);
}
