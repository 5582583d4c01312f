import { DeleteCustomModelCommand, GetCustomModelCommand } from '@aws-sdk/client-bedrock';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import ButtonDropdown from '@cloudscape-design/components/button-dropdown';
import Container from '@cloudscape-design/components/container';
import ContentLayout from '@cloudscape-design/components/content-layout';
import Header from '@cloudscape-design/components/header';
import KeyValuePairs from '@cloudscape-design/components/key-value-pairs';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Spinner from '@cloudscape-design/components/spinner';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { ConfirmDelete } from '../../app/confirm-delete.tsx';
import { FailedPage } from '../../app/failed-page.tsx';
import { FaultAlert } from '../../app/fault-alert.tsx';
import type { PageProps } from '../../app/page-props.ts';
import { ResourceTags } from '../../app/resource-tags.tsx';
import { hrefOf, navigate } from '../../app/router.ts';
import { when } from '../../app/show.tsx';
import { bedrock } from '../../aws/bedrock.ts';
import { DeployOnDemand } from '../deployments/deploy.tsx';
import { BeforeAfter } from './before-after.tsx';
import { ExportModel } from './export-model.tsx';
import { HowGood } from './how-good.tsx';
import { shownHyperParameters } from './job-options.ts';
import { Lineage } from './lineage.tsx';
import { OutputLink } from './output-link.tsx';

/** A custom model: what it was made from, and where it can be used. */
export default function ModelPage({ params }: PageProps) {
  const modelName = params.modelName ?? '';
  const [deleting, setDeleting] = useState(false);
  const [deploying, setDeploying] = useState(false);
  const [exportError, setExportError] = useState<unknown>();
  const {
    data: model,
    error,
    refetch,
  } = useQuery({
    queryKey: ['custom-models', 'one', modelName],
    queryFn: () => bedrock().send(new GetCustomModelCommand({ modelIdentifier: modelName })),
  });
  if (error) return <FailedPage title={modelName} error={error} retry={() => refetch()} />;
  if (!model) return <Spinner size="large" />;
  const arn = encodeURIComponent(model.modelArn ?? '');
  return (
    <ContentLayout
      header={
        <Header
          variant="h1"
          actions={
            <SpaceBetween direction="horizontal" size="xs">
              <Button onClick={() => setDeleting(true)}>Delete</Button>
              <ExportModel modelArn={model.modelArn} modelName={model.modelName ?? ''} failed={setExportError} />
              <Button href={hrefOf(`/custom-models/create?base=${arn}`)}>Train further</Button>
              <ButtonDropdown
                variant="primary"
                items={[
                  { id: 'provision', text: 'Purchase Provisioned Throughput' },
                  { id: 'deploy', text: 'Deploy for on-demand' },
                  { id: 'playground', text: 'Open in Image playground' },
                ]}
                onItemClick={({ detail }) => {
                  if (detail.id === 'provision') navigate(`/provisioned-throughput/create?model=${arn}`);
                  else if (detail.id === 'deploy') setDeploying(true);
                  else navigate(`/image-playground?model=${arn}`);
                }}
              >
                Set up inference
              </ButtonDropdown>
            </SpaceBetween>
          }
        >
          {model.modelName}
        </Header>
      }
    >
      <SpaceBetween size="l">
        {exportError !== undefined && <FaultAlert error={exportError} />}
        <HowGood modelArn={model.modelArn} jobArn={model.jobArn} jobName={model.jobName} />
        <BeforeAfter jobArn={model.jobArn} outputUri={model.outputDataConfig?.s3Uri} />
        <Container header={<Header variant="h2">Model details</Header>}>
          <KeyValuePairs
            columns={3}
            items={[
              { label: 'Creation time', value: when(model.creationTime) },
              { label: 'Training loss', value: model.trainingMetrics?.trainingLoss?.toFixed(4) ?? '–' },
              {
                label: 'Output data',
                value: <OutputLink uri={model.outputDataConfig?.s3Uri} />,
              },
              { label: 'KMS key', value: model.modelKmsKeyArn ?? 'The service’s own' },
              ...shownHyperParameters(model.hyperParameters),
              { label: 'Model ARN', value: <Box variant="code">{model.modelArn}</Box> },
            ]}
          />
        </Container>
        <Lineage model={model} />
        <ResourceTags arn={model.modelArn} />
      </SpaceBetween>
      {deleting && (
        <ConfirmDelete
          what="custom model"
          name={model.modelName ?? ''}
          consequence="Its weights are deleted for good. Provisioned Throughput and deployments of it must be deleted first."
          remove={() => bedrock().send(new DeleteCustomModelCommand({ modelIdentifier: model.modelArn }))}
          removed={() => navigate('/custom-models')}
          close={() => setDeleting(false)}
        />
      )}
      {deploying && (
        <DeployOnDemand
          model={{ arn: model.modelArn ?? '', name: model.modelName ?? '' }}
          deployed={() => navigate('/deployments')}
          close={() => setDeploying(false)}
        />
      )}
    </ContentLayout>
  );
}
