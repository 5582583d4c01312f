import { type CommitmentDuration, CreateProvisionedModelThroughputCommand } from '@aws-sdk/client-bedrock';
import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import ContentLayout from '@cloudscape-design/components/content-layout';
import ExpandableSection from '@cloudscape-design/components/expandable-section';
import Form from '@cloudscape-design/components/form';
import FormField from '@cloudscape-design/components/form-field';
import Header from '@cloudscape-design/components/header';
import Input from '@cloudscape-design/components/input';
import Select from '@cloudscape-design/components/select';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useState } from 'react';
import { useDraft } from '../../app/draft.ts';
import { NameField } from '../../app/name-field.tsx';
import { isName } from '../../app/names.ts';
import { notify } from '../../app/notices.ts';
import { numberProblem } from '../../app/number-problem.ts';
import { navigate, usePlace } from '../../app/router.ts';
import { StillMissing } from '../../app/still-missing.tsx';
import { filledTags, type Tag, TagsField } from '../../app/tags-field.tsx';
import { bedrock } from '../../aws/bedrock.ts';
import { ReviewPurchase } from './review.tsx';
import { useServableModels } from './servable-models.ts';

const termOptions = [
  { value: '', label: 'No commitment', description: 'Delete it whenever you like.' },
  { value: 'OneMonth', label: '1 month', description: 'Cannot be deleted before its end.' },
  { value: 'SixMonths', label: '6 months', description: 'Cannot be deleted before its end.' },
];

/** How many are free is said when the purchase is reviewed. */
const UNITS = { minimum: 1, maximum: Number.MAX_SAFE_INTEGER, isWhole: true };

/** Purchase Provisioned Throughput, as the seed system asked for it. */
export default function PurchasePage() {
  const { query } = usePlace();
  const { options, isPending, error } = useServableModels('PROVISIONED');
  const [draft, change, forget] = useDraft('provisioned-throughput', {
    name: '',
    modelArn: '',
    term: '',
    units: '1',
    tags: [] as Tag[],
  });
  const [isReviewing, setIsReviewing] = useState(false);
  const modelArn = query.get('model') ?? draft.modelArn;
  const model = options.find(({ value }) => value === modelArn);
  const term = termOptions.find(({ value }) => value === draft.term) ?? null;
  const unitsProblem = numberProblem(draft.units, UNITS);
  const wrong: [string, boolean][] = [
    ['Provisioned Throughput name', !isName('throughput', draft.name)],
    ['model', modelArn === ''],
    ['model units', unitsProblem !== undefined],
  ];
  const missing = wrong.filter(([, isSo]) => isSo).map(([name]) => name);
  const purchase = () =>
    bedrock().send(
      new CreateProvisionedModelThroughputCommand({
        provisionedModelName: draft.name,
        modelId: modelArn,
        modelUnits: Number(draft.units),
        ...(draft.term !== '' && { commitmentDuration: draft.term as CommitmentDuration }),
        ...(filledTags(draft.tags).length > 0 && { tags: filledTags(draft.tags) }),
      }),
    );

  return (
    <ContentLayout header={<Header variant="h1">Purchase Provisioned Throughput</Header>}>
      <Form
        actions={
          <SpaceBetween direction="horizontal" size="xs" alignItems="center">
            <StillMissing parts={missing} />
            <Button variant="link" onClick={() => navigate('/provisioned-throughput')}>
              Cancel
            </Button>
            <Button variant="primary" disabled={missing.length > 0} onClick={() => setIsReviewing(true)}>
              Purchase Provisioned Throughput
            </Button>
          </SpaceBetween>
        }
      >
        <SpaceBetween size="l">
          <Container header={<Header variant="h2">Provisioned Throughput details</Header>}>
            <SpaceBetween size="l">
              <NameField
                label="Provisioned Throughput name"
                kind="throughput"
                name={draft.name}
                change={name => change({ name })}
              />
              <FormField label="Select model" errorText={error?.message}>
                <Select
                  options={options}
                  selectedOption={model ?? null}
                  placeholder="Choose a model"
                  filteringType="auto"
                  statusType={isPending ? 'loading' : 'finished'}
                  disabled={query.get('model') !== null}
                  empty="There is no model that can be provisioned."
                  onChange={({ detail }) => change({ modelArn: detail.selectedOption.value ?? '' })}
                />
              </FormField>
              <ExpandableSection headerText="Tags - optional">
                <TagsField tags={draft.tags} onChange={tags => change({ tags })} />
              </ExpandableSection>
            </SpaceBetween>
          </Container>
          <Container header={<Header variant="h2">Commitment term &amp; model units</Header>}>
            <SpaceBetween size="l">
              <FormField label="Select commitment term">
                <Select
                  options={termOptions}
                  selectedOption={term}
                  onChange={({ detail }) => change({ term: detail.selectedOption.value ?? '' })}
                />
              </FormField>
              <FormField
                label="Model units"
                constraintText="Each is a process that draws one request at a time."
                errorText={draft.units === '' ? undefined : unitsProblem}
              >
                <Input
                  type="number"
                  inputMode="numeric"
                  value={draft.units}
                  onChange={({ detail }) => change({ units: detail.value })}
                />
              </FormField>
            </SpaceBetween>
          </Container>
        </SpaceBetween>
      </Form>
      {isReviewing && (
        <ReviewPurchase
          text={`${draft.units} model ${draft.units === '1' ? 'unit' : 'units'} of ${model?.label ?? modelArn}, ${
            term?.label.toLowerCase() ?? ''
          }.`}
          modelUnits={Number(draft.units)}
          term={draft.term}
          purchase={purchase}
          purchased={() => {
            forget();
            navigate('/provisioned-throughput');
            notify('success', `Provisioned Throughput ${draft.name} is being created.`);
          }}
          close={() => setIsReviewing(false)}
        />
      )}
    </ContentLayout>
  );
}
