import { GetCustomModelCommand } from '@aws-sdk/client-bedrock';
import { useQuery } from '@tanstack/react-query';
import { lastOf, To } from '../../app/show.tsx';
import { bedrock } from '../../aws/bedrock.ts';
import { modelPath } from './paths.ts';

/** A model that a job started from or that is served: a foundation model by its id, a custom model by a link to it. */
export function SourceModel({ arn }: { arn: string | undefined }) {
  const isCustom = arn?.includes(':custom-model/') ?? false;
  const { data } = useQuery({
    queryKey: ['custom-models', 'one', arn],
    enabled: isCustom,
    retry: false,
    queryFn: () => bedrock().send(new GetCustomModelCommand({ modelIdentifier: arn })),
  });
  if (!isCustom) return arn?.split('foundation-model/')[1] ?? '–';
  // Where it is deleted, its id is all that is left.
  return data?.modelName ? <To to={modelPath(data.modelName)}>{data.modelName}</To> : lastOf(arn);
}
