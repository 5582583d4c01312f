import { ListFoundationModelsCommand } from '@aws-sdk/client-bedrock';
import { useQuery } from '@tanstack/react-query';
import { customModels } from '../../app/custom-model-field.tsx';
import { bedrock } from '../../aws/bedrock.ts';

interface ServableModel {
  /** ARN */
  value: string;
  label: string;
  description: string;
}

/** What Provisioned Throughput may hold, or a batch draw with on demand: custom models, the newest first, then base models. */
export function useServableModels(byInferenceType: 'PROVISIONED' | 'ON_DEMAND'): {
  options: ServableModel[];
  isPending: boolean;
  error: Error | null;
} {
  const { data, isPending, error } = useQuery({
    queryKey: ['servable-models', byInferenceType],
    async queryFn() {
      const [custom, base] = await Promise.all([
        customModels(),
        bedrock().send(new ListFoundationModelsCommand({ byInferenceType })),
      ]);
      return [
        ...custom.map(({ modelArn = '', modelName = '' }) => ({
          value: modelArn,
          label: modelName,
          description: 'Custom model',
        })),
        ...(base.modelSummaries ?? []).map(({ modelArn = '', modelName = '', modelId = '' }) => ({
          value: modelArn,
          label: modelName,
          description: modelId,
        })),
      ];
    },
  });
  return { options: data ?? [], isPending, error };
}
