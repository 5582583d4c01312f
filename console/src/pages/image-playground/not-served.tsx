import {
  GetCustomModelCommand,
  ListCustomModelDeploymentsCommand,
  ListProvisionedModelThroughputsCommand,
} from '@aws-sdk/client-bedrock';
import Alert from '@cloudscape-design/components/alert';
import Button from '@cloudscape-design/components/button';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { FaultAlert } from '../../app/fault-alert.tsx';
import { hrefOf } from '../../app/router.ts';
import { lastOf } from '../../app/show.tsx';
import { bedrock } from '../../aws/bedrock.ts';
import { DeployOnDemand } from '../deployments/deploy.tsx';

const REFRESH_MILLISECONDS = 3000;

/** A model that a link asks for and that nothing serves yet: what it needs first, or that this is on its way. */
export function NotServed({ modelArn }: { modelArn: string }) {
  const queries = useQueryClient();
  const [isDeploying, setIsDeploying] = useState(false);
  const isCustom = modelArn.includes(':custom-model/');
  const model = useQuery({
    queryKey: ['custom-models', 'one', modelArn],
    enabled: isCustom,
    queryFn: () => bedrock().send(new GetCustomModelCommand({ modelIdentifier: modelArn })),
  });
  const coming = useQuery({
    queryKey: ['invocables', 'coming', modelArn],
    enabled: isCustom,
    queryFn: () => isBeingServed(modelArn),
    refetchInterval: query => (query.state.data ? REFRESH_MILLISECONDS : false),
  });
  useEffect(() => {
    // What was on its way answers now: the list of what answers need not wait for its turn.
    if (coming.data === false) queries.invalidateQueries({ queryKey: ['invocables'], exact: true });
  }, [coming.data, queries]);
  const name = model.data?.modelName ?? lastOf(modelArn);
  if (model.error) return <FaultAlert error={model.error} />;
  if (!isCustom)
    return (
      <Alert type="warning" header={`${name} does not answer`}>
        It was deleted, or is not in service. Choose another model below.
      </Alert>
    );
  if (coming.data)
    return (
      <Alert type="info" header={`${name} is on its way`}>
        Its capacity is being created. It is chosen here as soon as it answers.
      </Alert>
    );
  return (
    <>
      <Alert
        type="warning"
        header={`${name} cannot draw yet`}
        action={
          <SpaceBetween direction="horizontal" size="xs">
            <Button onClick={() => setIsDeploying(true)}>Deploy for on-demand</Button>
            <Button href={hrefOf(`/provisioned-throughput/create?model=${encodeURIComponent(modelArn)}`)}>
              Purchase Provisioned Throughput
            </Button>
          </SpaceBetween>
        }
      >
        A custom model needs a deployment on demand, or Provisioned Throughput, before it answers.
      </Alert>
      {isDeploying && (
        <DeployOnDemand
          model={{ arn: modelArn, name }}
          deployed={() => coming.refetch()}
          close={() => setIsDeploying(false)}
        />
      )}
    </>
  );
}

/** Whether capacity of the model is being made. */
async function isBeingServed(modelArn: string): Promise<boolean> {
  const [deployments, throughputs] = await Promise.all([
    bedrock().send(new ListCustomModelDeploymentsCommand({ modelArnEquals: modelArn, statusEquals: 'Creating' })),
    bedrock().send(new ListProvisionedModelThroughputsCommand({ modelArnEquals: modelArn, statusEquals: 'Creating' })),
  ]);
  const found = [deployments.modelDeploymentSummaries, throughputs.provisionedModelSummaries];
  return found.some(list => (list ?? []).length > 0);
}
