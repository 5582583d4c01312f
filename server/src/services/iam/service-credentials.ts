import type {
  CreateServiceSpecificCredentialRequest,
  CreateServiceSpecificCredentialResponse,
  DeleteServiceSpecificCredentialRequest,
  ListServiceSpecificCredentialsRequest,
  ListServiceSpecificCredentialsResponse,
  ResetServiceSpecificCredentialRequest,
  ResetServiceSpecificCredentialResponse,
  ServiceSpecificCredentialMetadata,
  UpdateServiceSpecificCredentialRequest,
} from '@aws-sdk/client-iam';
import { newSecret } from '../../domain/access/session.ts';
import { Fault } from '../../domain/fault.ts';
import type { Operation, RequestContext } from '../../domain/operation.ts';
import type { Vault } from '../../ports/keys.ts';
import type { IamRows, IdentityRow } from '../../ports/store-iam.ts';
import type { ServiceCredentialRow } from '../../ports/store-iam-login.ts';
import { noSuchEntity, overQuota, validationError } from './faults.ts';
import { findIdentity, type IamDependencies, identityQuestion } from './identities.ts';
import { pageOf, seekPage } from './paging.ts';
import { callerName } from './users.ts';

const BEDROCK = 'bedrock.amazonaws.com';
const CREDENTIALS_PER_USER = 2;
const DAY_MILLISECONDS = 24 * 60 * 60 * 1000;

/** Long-term Bedrock API keys: what `Authorization: Bearer` carries in the place of a signature. */
export function serviceCredentialOperations(deps: IamDependencies) {
  const authorize = (input: { UserName?: string | undefined }, ctx: RequestContext) =>
    input.UserName === undefined
      ? [{ resource: ctx.principal.arn }]
      : identityQuestion(deps, 'user', input.UserName, ctx);

  return {
    CreateServiceSpecificCredential: {
      async authorize(input: CreateServiceSpecificCredentialRequest, ctx) {
        const requests = await authorize(input, ctx);
        const conditions = {
          'iam:ServiceSpecificCredentialServiceName': input.ServiceName,
          'iam:ServiceSpecificCredentialAgeDays': input.CredentialAgeDays,
        };
        return requests.map(request => ({ ...request, conditions }));
      },
      async handle(
        input: CreateServiceSpecificCredentialRequest,
        ctx,
      ): Promise<CreateServiceSpecificCredentialResponse> {
        checkService(input.ServiceName);
        const now = deps.time.now();
        const days = input.CredentialAgeDays;
        const { alias, secret } = newKey(deps, ctx.accountId);
        return await deps.store.transaction(async ({ iam }) => {
          const user = await findIdentity(iam, 'user', ctx.accountId, input.UserName ?? '');
          if ((await iam.serviceCredentials(user.id)).length >= CREDENTIALS_PER_USER)
            throw overQuota('ServiceSpecificCredentialsPerUser', CREDENTIALS_PER_USER);
          const row: ServiceCredentialRow = {
            id: `ACCA${deps.ids.upper(17)}`,
            accountId: ctx.accountId,
            userId: user.id,
            serviceName: BEDROCK,
            alias,
            sealedSecret: sealServiceSecret(deps.vault, secret, alias),
            active: true,
            createdAt: now.toISOString(),
            expiresAt: days === undefined ? null : new Date(now.getTime() + days * DAY_MILLISECONDS).toISOString(),
          };
          await iam.insertServiceCredential(row);
          return { ServiceSpecificCredential: { ...describe(row, user, now), ServiceCredentialSecret: secret } };
        });
      },
    },

    ListServiceSpecificCredentials: {
      // Who may list one user's keys is not told of everybody's.
      authorize: async (input: ListServiceSpecificCredentialsRequest, ctx) =>
        input.AllUsers ? [{ resource: `arn:aws:iam::${ctx.accountId}:user/*` }] : await authorize(input, ctx),
      async handle(input: ListServiceSpecificCredentialsRequest, ctx): Promise<ListServiceSpecificCredentialsResponse> {
        if (input.AllUsers && input.UserName !== undefined)
          throw validationError(`AllUsers cannot be given together with UserName; you sent "${input.UserName}".`);
        if (input.ServiceName !== undefined) checkService(input.ServiceName);
        return await deps.store.read(async ({ iam }) => {
          if (input.AllUsers) return await listOfAccount(iam, ctx.accountId, input, deps.time.now());
          const user = await ownerOf(iam, input, ctx);
          const { items, ...page } = pageOf(await iam.serviceCredentials(user.id), row => row.id, input);
          return { ...page, ServiceSpecificCredentials: items.map(row => describe(row, user, deps.time.now())) };
        });
      },
    },

    UpdateServiceSpecificCredential: {
      authorize: (input: UpdateServiceSpecificCredentialRequest, ctx) => authorize(input, ctx),
      async handle(input: UpdateServiceSpecificCredentialRequest, ctx): Promise<object> {
        if (input.Status !== 'Active' && input.Status !== 'Inactive')
          throw validationError(`Status must be Active or Inactive; you sent ${input.Status}.`);
        return await deps.store.transaction(async ({ iam }) => {
          const { row } = await find(iam, input, ctx);
          await iam.updateServiceCredential(row.id, { active: input.Status === 'Active' });
          return {};
        });
      },
    },

    ResetServiceSpecificCredential: {
      authorize: (input: ResetServiceSpecificCredentialRequest, ctx) => authorize(input, ctx),
      async handle(input: ResetServiceSpecificCredentialRequest, ctx): Promise<ResetServiceSpecificCredentialResponse> {
        const { alias, secret } = newKey(deps, ctx.accountId);
        return await deps.store.transaction(async ({ iam }) => {
          const { row, user } = await find(iam, input, ctx);
          const change = { alias, sealedSecret: sealServiceSecret(deps.vault, secret, alias), active: true };
          await iam.updateServiceCredential(row.id, change);
          const described = describe({ ...row, ...change }, user, deps.time.now());
          return { ServiceSpecificCredential: { ...described, ServiceCredentialSecret: secret } };
        });
      },
    },

    DeleteServiceSpecificCredential: {
      authorize: (input: DeleteServiceSpecificCredentialRequest, ctx) => authorize(input, ctx),
      async handle(input: DeleteServiceSpecificCredentialRequest, ctx): Promise<object> {
        return await deps.store.transaction(async ({ iam }) => {
          const { row } = await find(iam, input, ctx);
          await iam.deleteServiceCredential(row.id);
          return {};
        });
      },
    },
  } satisfies Record<string, Operation<never, unknown>>;
}

/** AWS's form: `ABSK` and the base64 of alias and secret, so that the key alone says whose it is. */
function newKey({ ids }: IamDependencies, accountId: string): { alias: string; secret: string } {
  const alias = `BedrockAPIKey-${ids.resource()}-at-${accountId}`;
  return { alias, secret: `ABSK${Buffer.from(`${alias}:${newSecret(ids)}`).toString('base64')}` };
}

function sealServiceSecret(vault: Vault, secret: string, alias: string): string {
  return vault.seal(Buffer.from(secret), `service-credential:${alias}`);
}

/** The whole key as it was given out. */
export function openServiceSecret(vault: Vault, row: ServiceCredentialRow): Buffer {
  return Buffer.from(vault.open(row.sealedSecret, `service-credential:${row.alias}`));
}

/** @throws Fault NotSupportedService for AWS's other services with such credentials */
function checkService(name: string | undefined): void {
  if (name === BEDROCK) return;
  throw new Fault('notFound', `No such service ${name} is supported for Service Specific Credentials`, {
    code: 'NotSupportedService',
  });
}

async function listOfAccount(
  rows: IamRows,
  accountId: string,
  input: ListServiceSpecificCredentialsRequest,
  now: Date,
): Promise<ListServiceSpecificCredentialsResponse> {
  const { items, ...page } = await seekPage(
    input,
    (row: ServiceCredentialRow) => row.id,
    (after, limit) => rows.accountServiceCredentials(accountId, after, limit),
  );
  const shown: ServiceSpecificCredentialMetadata[] = [];
  for (const row of items) {
    const user = await rows.identityById(row.userId);
    if (user !== undefined) shown.push(describe(row, user, now));
  }
  return { ...page, ServiceSpecificCredentials: shown };
}

async function ownerOf(rows: IamRows, input: { UserName?: string | undefined }, ctx: RequestContext) {
  return await findIdentity(rows, 'user', ctx.accountId, input.UserName ?? callerName(ctx) ?? 'root');
}

async function find(
  rows: IamRows,
  input: { UserName?: string | undefined; ServiceSpecificCredentialId: string | undefined },
  ctx: RequestContext,
): Promise<{ row: ServiceCredentialRow; user: IdentityRow }> {
  const user = await ownerOf(rows, input, ctx);
  const row = await rows.serviceCredential(input.ServiceSpecificCredentialId ?? '');
  if (row === undefined || row.userId !== user.id)
    throw noSuchEntity(`No such credential ${input.ServiceSpecificCredentialId} exists`);
  return { row, user };
}

function describe(row: ServiceCredentialRow, user: IdentityRow, now: Date): ServiceSpecificCredentialMetadata {
  const expired = row.expiresAt !== null && new Date(row.expiresAt) <= now;
  return {
    UserName: user.name,
    Status: expired ? 'Expired' : row.active ? 'Active' : 'Inactive',
    ServiceName: row.serviceName,
    ServiceCredentialAlias: row.alias,
    ServiceSpecificCredentialId: row.id,
    CreateDate: new Date(row.createdAt),
    ...(row.expiresAt === null ? {} : { ExpirationDate: new Date(row.expiresAt) }),
  };
}
