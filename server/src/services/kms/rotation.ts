import type {
  DisableKeyRotationRequest,
  EnableKeyRotationRequest,
  GetKeyRotationStatusRequest,
  GetKeyRotationStatusResponse,
  ListKeyRotationsRequest,
  ListKeyRotationsResponse,
  RotateKeyOnDemandRequest,
  RotateKeyOnDemandResponse,
  RotationsListEntry,
} from '@aws-sdk/client-kms';
import { Fault } from '../../domain/fault.ts';
import type { Operation, RequestContext } from '../../domain/operation.ts';
import type { KeyRow, KmsRows, RotationRow } from '../../ports/store-kms.ts';
import { sealMaterial } from './ciphertext.ts';
import { askForKey, findKey, type KmsDependencies, materialId, requireEnabled } from './key-access.ts';
import { unsupported } from './key-kinds.ts';
import { pageOf } from './paging.ts';

const DAY_MILLISECONDS = 24 * 60 * 60 * 1000;
const DEFAULT_PERIOD_DAYS = 365;
const ON_DEMAND_ROTATIONS = 25;

export function rotationOperations(deps: KmsDependencies) {
  const authorize = (input: { KeyId?: string | undefined }, ctx: RequestContext) => askForKey(deps, input.KeyId, ctx);

  return {
    EnableKeyRotation: {
      authorize: (input: EnableKeyRotationRequest, ctx) =>
        askForKey(deps, input.KeyId, ctx, { 'kms:RotationPeriodInDays': input.RotationPeriodInDays }),
      async handle(input: EnableKeyRotationRequest, ctx): Promise<object> {
        const { RotationPeriodInDays: days = DEFAULT_PERIOD_DAYS } = input;
        if (days < 90 || days > 2560)
          throw new Fault('invalid', `RotationPeriodInDays must be from 90 to 2560; you sent ${days}.`);
        return await deps.store.transaction(async ({ kms }) => {
          const key = await findKey(deps, kms, input.KeyId ?? '', ctx);
          requireRotatable(key);
          requireEnabled(key);
          // AWS: the period begins when rotation is enabled, or when it is given another length.
          if (key.rotationPeriodDays === days) return {};
          const nextRotationAt = deps.time.now().getTime() + days * DAY_MILLISECONDS;
          await kms.updateKey(key.keyId, { rotationPeriodDays: days, nextRotationAt });
          return {};
        });
      },
    },

    DisableKeyRotation: {
      authorize: (input: DisableKeyRotationRequest, ctx) => authorize(input, ctx),
      async handle(input: DisableKeyRotationRequest, ctx): Promise<object> {
        return await deps.store.transaction(async ({ kms }) => {
          const key = await findKey(deps, kms, input.KeyId ?? '', ctx);
          requireRotatable(key);
          requireEnabled(key);
          await kms.updateKey(key.keyId, { rotationPeriodDays: null, nextRotationAt: null });
          return {};
        });
      },
    },

    GetKeyRotationStatus: {
      authorize: (input: GetKeyRotationStatusRequest, ctx) => authorize(input, ctx),
      async handle(input: GetKeyRotationStatusRequest, ctx): Promise<GetKeyRotationStatusResponse> {
        const key = await rotatedKey(deps, input.KeyId ?? '', ctx);
        const { keyId: KeyId, rotationPeriodDays, nextRotationAt } = key;
        // AWS: a key that waits for its deletion is not rotated, and says so. So does one of a kind that never is
        // (ansible-collections/community.aws#311): Terraform asks after it has made any key.
        if (rotationPeriodDays === null || nextRotationAt === null || key.state === 'PendingDeletion')
          return { KeyId, KeyRotationEnabled: false };
        return {
          KeyId,
          KeyRotationEnabled: true,
          RotationPeriodInDays: rotationPeriodDays,
          NextRotationDate: new Date(nextRotationAt),
        };
      },
    },

    RotateKeyOnDemand: {
      authorize: (input: RotateKeyOnDemandRequest, ctx) => authorize(input, ctx),
      async handle(input: RotateKeyOnDemandRequest, ctx): Promise<RotateKeyOnDemandResponse> {
        return await deps.store.transaction(async ({ kms }) => {
          const key = await findKey(deps, kms, input.KeyId ?? '', ctx);
          requireRotatable(key);
          requireEnabled(key);
          const asked = (await kms.rotations(key.keyId)).filter(rotation => rotation.type === 'ON_DEMAND');
          if (asked.length >= ON_DEMAND_ROTATIONS)
            throw new Fault(
              'quota',
              `The on-demand rotations limit of ${ON_DEMAND_ROTATIONS} has been reached for the key ${key.keyId}.`,
              { code: 'LimitExceededException' },
            );
          await rotate(deps, kms, key, 'ON_DEMAND', deps.time.now());
          return { KeyId: key.keyId };
        });
      },
    },

    ListKeyRotations: {
      authorize: (input: ListKeyRotationsRequest, ctx) => authorize(input, ctx),
      async handle(input: ListKeyRotationsRequest, ctx): Promise<ListKeyRotationsResponse> {
        const key = await rotatedKey(deps, input.KeyId ?? '', ctx);
        requireRotatable(key);
        const rotations = await deps.store.read(({ kms }) => kms.rotations(key.keyId));
        const entries = rotations.map(rotation => describeRotation(key, rotation.retiredVersion + 1, rotation));
        if (input.IncludeKeyMaterial === 'ALL_KEY_MATERIAL') entries.unshift(describeRotation(key, 0, undefined));
        const numbered = entries.map((entry, index) => ({ entry, at: String(index).padStart(6, '0') }));
        const { items, ...page } = pageOf(numbered, ({ at }) => at, input);
        return { ...page, Rotations: items.map(({ entry }) => entry) };
      },
    },
  } satisfies Record<string, Operation<never, unknown>>;
}

/** The key that an identifier names, after the rotations that are due by now. */
export async function rotatedKey(
  deps: KmsDependencies,
  keyId: string,
  ctx: Parameters<typeof findKey>[3],
): Promise<KeyRow> {
  const key = await deps.store.read(({ kms }) => findKey(deps, kms, keyId, ctx));
  if (!isDue(key, deps.time.now())) return key;
  return await deps.store.transaction(async ({ kms }) => {
    let current = await findKey(deps, kms, keyId, ctx);
    while (isDue(current, deps.time.now()))
      current = await rotate(deps, kms, current, 'AUTOMATIC', new Date(current.nextRotationAt ?? 0));
    return current;
  });
}

function requireRotatable(key: KeyRow): void {
  if (key.spec !== 'SYMMETRIC_DEFAULT') throw unsupported(`Rotation of a key of spec ${key.spec}`);
}

// AWS: a key that is disabled or waits for its deletion is not rotated.
function isDue(key: KeyRow, now: Date): boolean {
  return key.state === 'Enabled' && key.nextRotationAt !== null && key.nextRotationAt <= now.getTime();
}

/** Gives a key new material; what it replaces is kept, to decrypt what was encrypted with it. */
async function rotate(
  deps: KmsDependencies,
  rows: KmsRows,
  key: KeyRow,
  type: RotationRow['type'],
  at: Date,
): Promise<KeyRow> {
  const { keyId, materialVersion: retiredVersion, sealedMaterial } = key;
  await rows.insertRotation({ keyId, retiredVersion, sealedMaterial, rotatedAt: at.toISOString(), type });
  const materialVersion = retiredVersion + 1;
  // AWS: a rotation on demand changes nothing about the automatic ones.
  const nextRotationAt =
    type === 'AUTOMATIC' ? at.getTime() + (key.rotationPeriodDays ?? 0) * DAY_MILLISECONDS : key.nextRotationAt;
  const change = {
    materialVersion,
    sealedMaterial: sealMaterial(deps, deps.ids.bytes(32), keyId, materialVersion),
    nextRotationAt,
  };
  await rows.updateKey(keyId, change);
  return { ...key, ...change };
}

function describeRotation(key: KeyRow, version: number, rotation: RotationRow | undefined): RotationsListEntry {
  return {
    KeyId: key.keyId,
    KeyMaterialId: materialId(key.keyId, version),
    KeyMaterialState: version === key.materialVersion ? 'CURRENT' : 'NON_CURRENT',
    ...(rotation && { RotationDate: new Date(rotation.rotatedAt), RotationType: rotation.type }),
  };
}
