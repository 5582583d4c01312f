// Gaps: policies on other resources than custom models.
// By design: a policy decides together with the caller's own, within the account and across accounts of the installation.
//   On these three operations it has no say: its owner can always mend it.
// Client quirks: PutResourcePolicy models no ResourceNotFoundException: a resource that is not there is a
//   ValidationException.
import type {
  DeleteResourcePolicyRequest,
  DeleteResourcePolicyResponse,
  GetResourcePolicyRequest,
  GetResourcePolicyResponse,
  PutResourcePolicyRequest,
  PutResourcePolicyResponse,
} from '@aws-sdk/client-bedrock';
import { parsePolicy } from '../../domain/access/document.ts';
import { parseArn } from '../../domain/arn.ts';
import { Fault } from '../../domain/fault.ts';
import type { AccessRequest, Operation, RequestContext } from '../../domain/operation.ts';
import type { Rows } from '../../ports/store.ts';
import type { CustomModelRow } from '../../ports/store-bedrock.ts';
import { findModel } from './custom-models.ts';
import type { BedrockDependencies } from './dependencies.ts';
import { notFound, resourceTagConditions, scopeOf } from './identifiers.ts';

interface PolicyInput {
  resourceArn: string | undefined;
}

export function resourcePolicies({ store }: Pick<BedrockDependencies, 'store'>) {
  async function question({ resourceArn = '' }: PolicyInput, ctx: RequestContext): Promise<AccessRequest[]> {
    const model = await store.read(rows => ownModel(rows, resourceArn, ctx));
    return [{ resource: resourceArn, conditions: resourceTagConditions(model?.tags ?? []) }];
  }

  return {
    PutResourcePolicy: {
      authorize: question,
      async handle({ resourceArn = '', resourcePolicy = '' }, ctx) {
        checkPolicy(resourceArn, resourcePolicy);
        await store.transaction(async rows => {
          if (!(await ownModel(rows, resourceArn, ctx)))
            throw new Fault('invalid', `resourceArn must name a custom model of this account; ${resourceArn} is none.`);
          await rows.bedrock.setResourcePolicy(resourceArn, resourcePolicy);
        });
        return { resourceArn };
      },
    } satisfies Operation<PutResourcePolicyRequest, PutResourcePolicyResponse>,

    GetResourcePolicy: {
      authorize: question,
      async handle({ resourceArn = '' }, ctx) {
        const resourcePolicy = await store.read(async rows => {
          if (!(await ownModel(rows, resourceArn, ctx))) throw notFound('custom-model', resourceArn, scopeOf(ctx));
          return rows.bedrock.resourcePolicyOf(resourceArn);
        });
        if (resourcePolicy === undefined) throw noPolicy(resourceArn);
        return { resourcePolicy };
      },
    } satisfies Operation<GetResourcePolicyRequest, GetResourcePolicyResponse>,

    DeleteResourcePolicy: {
      authorize: question,
      async handle({ resourceArn = '' }, ctx) {
        await store.transaction(async rows => {
          if (!(await ownModel(rows, resourceArn, ctx))) throw notFound('custom-model', resourceArn, scopeOf(ctx));
          if (!(await rows.bedrock.setResourcePolicy(resourceArn, undefined))) throw noPolicy(resourceArn);
        });
        return {};
      },
    } satisfies Operation<DeleteResourcePolicyRequest, DeleteResourcePolicyResponse>,
  };
}

async function ownModel(rows: Rows, arn: string, ctx: RequestContext): Promise<CustomModelRow | undefined> {
  return parseArn(arn) && findModel(rows, arn, scopeOf(ctx));
}

function noPolicy(resource: string): Fault {
  return new Fault('notFound', `The custom model ${resource} has no resource policy.`, { resource });
}

/** @throws Fault invalid where the text is no policy, or has a resource that cannot mean the model */
function checkPolicy(modelArn: string, text: string): void {
  const { statements } = parsePolicy(text, { kind: 'resource', code: 'ValidationException' });
  for (const { resources } of statements)
    for (const resource of resources?.patterns ?? []) {
      const literal = resource.search(/[*?$]/);
      const means = literal === -1 ? resource === modelArn : modelArn.startsWith(resource.slice(0, literal));
      if (!means)
        throw new Fault('invalid', `resourcePolicy has the resource ${resource}; it may only name ${modelArn}.`);
    }
}
