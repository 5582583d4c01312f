import {
  ListCustomModelDeploymentsCommand,
  ListFoundationModelsCommand,
  ListProvisionedModelThroughputsCommand,
} from '@aws-sdk/client-bedrock';
import { useQuery } from '@tanstack/react-query';
import { problemOf } from '../../app/fault-alert.tsx';
import { bedrock } from '../../aws/bedrock.ts';

/** What InvokeModel takes as a modelId. */
export interface Invocable {
  id: string;
  label: string;
  description: string;
  group: 'Base models' | 'Provisioned Throughput' | 'Deployments on demand';
  /** The custom or base model behind it. */
  modelArn: string;
}

const REFRESH_MILLISECONDS = 15_000;

/** Everything that answers now; a list that is refused is left out, with its reason. */
export function useInvocables(): { models: Invocable[]; problems: string[]; isPending: boolean } {
  const { data, isPending } = useQuery({
    queryKey: ['invocables'],
    refetchInterval: REFRESH_MILLISECONDS,
    async queryFn() {
      const lists = await Promise.allSettled([baseModels(), provisioned(), deployed()]);
      return {
        models: lists.flatMap(list => (list.status === 'fulfilled' ? list.value : [])),
        problems: lists.flatMap(list => (list.status === 'rejected' ? [problemOf(list.reason).message] : [])),
      };
    },
  });
  return { models: data?.models ?? [], problems: data?.problems ?? [], isPending };
}

async function baseModels(): Promise<Invocable[]> {
  const { modelSummaries = [] } = await bedrock().send(
    new ListFoundationModelsCommand({ byInferenceType: 'ON_DEMAND' }),
  );
  return modelSummaries.map(({ modelId = '', modelName = '', modelArn = '', providerName = '' }) => ({
    id: modelId,
    label: modelName,
    description: `${providerName}, ${modelId}`,
    group: 'Base models',
    modelArn,
  }));
}

async function provisioned(): Promise<Invocable[]> {
  const command = new ListProvisionedModelThroughputsCommand({ statusEquals: 'InService' });
  const { provisionedModelSummaries = [] } = await bedrock().send(command);
  return provisionedModelSummaries.map(({ provisionedModelArn = '', provisionedModelName = '', modelArn = '' }) => ({
    id: provisionedModelArn,
    label: provisionedModelName,
    description: 'Provisioned Throughput',
    group: 'Provisioned Throughput',
    modelArn,
  }));
}

async function deployed(): Promise<Invocable[]> {
  const command = new ListCustomModelDeploymentsCommand({ statusEquals: 'Active' });
  const { modelDeploymentSummaries = [] } = await bedrock().send(command);
  return modelDeploymentSummaries.map(
    ({ customModelDeploymentArn = '', customModelDeploymentName = '', modelArn = '' }) => ({
      id: customModelDeploymentArn,
      label: customModelDeploymentName,
      description: 'Custom model, on demand',
      group: 'Deployments on demand',
      modelArn,
    }),
  );
}
