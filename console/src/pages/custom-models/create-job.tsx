import { GetModelCustomizationJobCommand } from '@aws-sdk/client-bedrock';
import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import ContentLayout from '@cloudscape-design/components/content-layout';
import ExpandableSection from '@cloudscape-design/components/expandable-section';
import Form from '@cloudscape-design/components/form';
import FormField from '@cloudscape-design/components/form-field';
import Header from '@cloudscape-design/components/header';
import Input from '@cloudscape-design/components/input';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useMutation } from '@tanstack/react-query';
import { type FormEvent, useEffect } from 'react';
import { useDraft } from '../../app/draft.ts';
import { FaultAlert } from '../../app/fault-alert.tsx';
import { NameField } from '../../app/name-field.tsx';
import { notify } from '../../app/notices.ts';
import { navigate, usePlace } from '../../app/router.ts';
import { S3PlaceField } from '../../app/s3-place-field.tsx';
import { StillMissing } from '../../app/still-missing.tsx';
import { TagsField } from '../../app/tags-field.tsx';
import { bedrock } from '../../aws/bedrock.ts';
import { Estimate } from './estimate.tsx';
import { Hyperparameters } from './hyperparameters.tsx';
import { draftOf, EMPTY, type SectionProps } from './job-draft.ts';
import { ModelDetails } from './model-details.tsx';
import { jobPath } from './paths.ts';
import { ServiceAccess } from './service-access.tsx';
import { missingParts, submitJob, takenNames } from './submit-job.ts';

/** Create fine-tuning job: the seed system's form, in its order. */
export default function CreateJobPage() {
  const { query } = usePlace();
  const [draft, change, forget] = useDraft('create-job', EMPTY);
  // What a link brought along goes into the draft once: a reload must not undo what was typed since.
  const [trainingData, baseModelId, earlierJob] = [query.get('data'), query.get('base'), query.get('from')];
  useEffect(() => {
    if (trainingData === null && baseModelId === null) return;
    change({ ...(trainingData !== null && { trainingData }), ...(baseModelId !== null && { baseModelId }) });
    navigate('/custom-models/create', { replace: true });
  }, [trainingData, baseModelId, change]);
  const copy = useMutation({
    mutationFn: (jobIdentifier: string) => bedrock().send(new GetModelCustomizationJobCommand({ jobIdentifier })),
    onSuccess: job => change(draftOf(job)),
  });
  const { mutate: copyFrom } = copy;
  useEffect(() => {
    if (earlierJob === null) return;
    navigate('/custom-models/create', { replace: true });
    copyFrom(earlierJob);
  }, [earlierJob, copyFrom]);
  const create = useMutation({
    mutationFn: () => submitJob(draft, change),
    onSuccess: jobName => {
      forget();
      navigate(jobPath(jobName));
      notify('success', `The fine-tuning job ${jobName} was created.`);
    },
  });
  const taken = takenNames(create.error, draft);
  const missing = missingParts(draft, taken);

  return (
    <ContentLayout header={<Header variant="h1">Create Fine-tuning job</Header>}>
      <form
        onSubmit={(event: FormEvent) => {
          event.preventDefault();
          if (missing.length === 0) create.mutate();
        }}
      >
        <Form
          errorText={null}
          actions={
            <SpaceBetween direction="horizontal" size="xs" alignItems="center">
              <StillMissing parts={missing} />
              <Button
                variant="link"
                formAction="none"
                onClick={() => {
                  forget();
                  navigate('/custom-models?tab=jobs');
                }}
              >
                Cancel
              </Button>
              <Button variant="primary" disabled={missing.length > 0} loading={create.isPending}>
                Fine-tune model
              </Button>
            </SpaceBetween>
          }
        >
          <div className="form-with-aside">
            <SpaceBetween size="l">
              <ModelDetails draft={draft} change={change} refusal={taken.get('modelName')} />
              <Container header={<Header variant="h2">Job configuration</Header>}>
                <SpaceBetween size="l">
                  <NameField
                    label="Job name"
                    kind="job"
                    name={draft.jobName}
                    change={jobName => change({ jobName })}
                    refusal={taken.get('jobName')}
                  />
                  <ExpandableSection headerText="Job tags - optional">
                    <TagsField tags={draft.jobTags} onChange={jobTags => change({ jobTags })} />
                  </ExpandableSection>
                </SpaceBetween>
              </Container>
              <VpcSettings draft={draft} change={change} />
              <Container
                header={
                  <Header
                    variant="h2"
                    description="A JSON Lines file: one line an image, with its place and its caption."
                  >
                    Input data
                  </Header>
                }
              >
                <SpaceBetween size="l">
                  <S3PlaceField
                    label="Training dataset location"
                    description="The data set page writes train.jsonl for you."
                    kind="object"
                    uri={draft.trainingData}
                    onChange={trainingData => change({ trainingData })}
                  />
                  <ExpandableSection headerText="Validation dataset - optional">
                    <S3PlaceField
                      label="Validation dataset location"
                      description="Pictures that are never trained on; the validation loss is measured on them."
                      kind="object"
                      uri={draft.validationData}
                      onChange={validationData => change({ validationData })}
                    />
                  </ExpandableSection>
                </SpaceBetween>
              </Container>
              <Hyperparameters draft={draft} change={change} />
              <Container header={<Header variant="h2">Output data</Header>}>
                <S3PlaceField
                  label="S3 location"
                  description="Metrics, samples and the report are written below it."
                  kind="prefix"
                  uri={draft.output}
                  onChange={output => change({ output })}
                />
              </Container>
              <ServiceAccess draft={draft} change={change} />
              {copy.error && <FaultAlert error={copy.error} />}
              {create.error && taken.size === 0 && <FaultAlert error={create.error} />}
            </SpaceBetween>
            <aside aria-label="Estimate">
              <Estimate draft={draft} />
            </aside>
          </div>
        </Form>
      </form>
    </ContentLayout>
  );
}

function VpcSettings({ draft, change }: SectionProps) {
  return (
    <ExpandableSection
      variant="container"
      headerText="VPC settings - optional"
      headerDescription="Of a network that the installation names: the job then reaches S3 through its endpoint. Training itself needs no network."
    >
      <SpaceBetween size="l">
        <FormField label="Subnets" constraintText="Ids with commas between.">
          <Input value={draft.subnetIds} onChange={({ detail }) => change({ subnetIds: detail.value })} />
        </FormField>
        <FormField label="Security groups" constraintText="Ids with commas between.">
          <Input value={draft.securityGroupIds} onChange={({ detail }) => change({ securityGroupIds: detail.value })} />
        </FormField>
      </SpaceBetween>
    </ExpandableSection>
  );
}
