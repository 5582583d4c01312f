import type { AliasRow, KeyRow, KmsRows } from '../../ports/store-kms.ts';
import { sealMaterial } from './ciphertext.ts';
import { aliasArn, type KeyScope, type KmsDependencies } from './key-access.ts';

/** The one AWS managed key there is: what S3 encrypts with where SSE-KMS is asked for without a key. */
const ALIAS = 'alias/aws/s3';
const ROTATION_DAYS = 365;
const DAY_MILLISECONDS = 24 * 60 * 60 * 1000;

/** Whether an identifier is the alias, or its ARN in the scope. */
export function isManagedAlias(identifier: string | undefined, scope: KeyScope): boolean {
  return identifier === ALIAS || identifier === aliasArn(scope, ALIAS);
}

/** The account's managed key in the Region, as it is or as it would be made: for questions about it. */
export async function managedKey(deps: KmsDependencies, scope: KeyScope): Promise<KeyRow> {
  return (await deps.store.read(({ kms }) => existing(kms, scope))) ?? newManagedKey(deps, scope);
}

/** The same, made where it was not there yet. */
export async function madeManagedKey(deps: KmsDependencies, scope: KeyScope): Promise<KeyRow> {
  const { accountId, region } = scope;
  return await deps.store.transaction(async ({ kms }) => {
    const key = await existing(kms, scope);
    if (key !== undefined) return key;
    const made = newManagedKey(deps, scope);
    const at = made.createdAt;
    await kms.insertKey(made);
    await kms.insertAlias({ accountId, region, name: ALIAS, keyId: made.keyId, createdAt: at, updatedAt: at });
    return made;
  });
}

/** An alias, or the predefined one that has no key yet. */
export type ListedAlias = AliasRow | Pick<AliasRow, 'name'>;

/** A page of aliases with that of a managed key that nobody asked for yet: AWS lists it from the start, without a key. */
export async function withManagedAlias(
  rows: KmsRows,
  scope: KeyScope,
  page: { after: string | undefined; limit: number },
  aliases: readonly AliasRow[],
): Promise<ListedAlias[]> {
  const isOutside =
    ALIAS <= (page.after ?? '') || (aliases.length === page.limit && ALIAS > (aliases.at(-1)?.name ?? ''));
  if (isOutside || (await rows.alias(scope.accountId, scope.region, ALIAS)) !== undefined) return [...aliases];
  const place = aliases.findIndex(({ name }) => name > ALIAS);
  const listed: ListedAlias[] = [...aliases];
  return listed.toSpliced(place < 0 ? listed.length : place, 0, { name: ALIAS }).slice(0, page.limit);
}

async function existing(rows: KmsRows, { accountId, region }: KeyScope): Promise<KeyRow | undefined> {
  const alias = await rows.alias(accountId, region, ALIAS);
  return alias && (await rows.key(alias.keyId));
}

export function viaService(region: string): string {
  return `s3.${region}.amazonaws.com`;
}

/** Whoever may use S3 in the account may use it, and nobody may change it. AWS renews the material of such keys each year. */
function newManagedKey(deps: KmsDependencies, { accountId, region }: KeyScope): KeyRow {
  const keyId = deps.ids.uuid();
  const now = deps.time.now();
  const using = ['kms:Encrypt', 'kms:Decrypt', 'kms:ReEncrypt*', 'kms:GenerateDataKey*', 'kms:DescribeKey'];
  const policy = {
    Version: '2012-10-17',
    Id: 'auto-s3-2',
    Statement: [
      {
        Sid: 'Allow access through S3 for all principals in the account that are authorized to use S3',
        Effect: 'Allow',
        Principal: { AWS: '*' },
        Action: using,
        Resource: '*',
        Condition: { StringEquals: { 'kms:CallerAccount': accountId, 'kms:ViaService': viaService(region) } },
      },
      {
        Sid: 'Allow direct access to key metadata to the account',
        Effect: 'Allow',
        Principal: { AWS: `arn:aws:iam::${accountId}:root` },
        Action: ['kms:Describe*', 'kms:Get*', 'kms:List*'],
        Resource: '*',
      },
    ],
  };
  return {
    ...{ keyId, accountId, region, deleteAt: null },
    state: 'Enabled',
    description: 'Default key that protects my S3 objects when no other key is defined',
    createdAt: now.toISOString(),
    manager: 'AWS',
    sealedMaterial: sealMaterial(deps, deps.ids.bytes(32), keyId, 0),
    ...{ spec: 'SYMMETRIC_DEFAULT', usage: 'ENCRYPT_DECRYPT' },
    ...{ materialVersion: 0, rotationPeriodDays: ROTATION_DAYS },
    nextRotationAt: now.getTime() + ROTATION_DAYS * DAY_MILLISECONDS,
    policy: JSON.stringify(policy),
    tags: {},
  };
}
