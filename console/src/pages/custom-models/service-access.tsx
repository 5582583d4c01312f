import Container from '@cloudscape-design/components/container';
import FormField from '@cloudscape-design/components/form-field';
import Header from '@cloudscape-design/components/header';
import RadioGroup from '@cloudscape-design/components/radio-group';
import Select from '@cloudscape-design/components/select';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useQuery } from '@tanstack/react-query';
import { bedrockRoles } from '../../app/bedrock-roles.ts';
import { NameField } from '../../app/name-field.tsx';
import { callRoute } from '../../aws/clients.ts';
import { readManifestAt } from '../../aws/manifest.ts';
import { placeOf } from '../../aws/s3-uri.ts';
import type { JobDraft, SectionProps } from './job-draft.ts';

/** The route takes so many; images in more folders than these are read anywhere in their buckets. */
const MOST_PLACES = 20;

export function ServiceAccess({ draft, change }: SectionProps) {
  const roles = useQuery({
    queryKey: ['roles', 'bedrock'],
    queryFn: bedrockRoles,
    enabled: !draft.isNewRole,
  });
  const options = (roles.data ?? []).map(({ RoleName, Arn }) => ({ value: Arn ?? '', label: RoleName ?? '' }));
  return (
    <Container
      header={
        <Header variant="h2" description="The job reads and writes S3 with the rights of this role, and no others.">
          Service access
        </Header>
      }
    >
      <SpaceBetween size="l">
        <RadioGroup
          ariaLabel="Service access"
          value={draft.isNewRole ? 'new' : 'existing'}
          onChange={({ detail }) => change({ isNewRole: detail.value === 'new' })}
          items={[
            { value: 'existing', label: 'Use an existing service role' },
            {
              value: 'new',
              label: 'Create and use a new service role',
              description: 'With exactly what this job needs: reading its data, writing its output.',
            },
          ]}
        />
        {draft.isNewRole ? (
          <NameField
            label="Service role name"
            kind="role"
            name={draft.newRoleName}
            placeholder="AmazonBedrockFineTuning-my-model"
            change={newRoleName => change({ newRoleName })}
          />
        ) : (
          <FormField label="Service role" errorText={roles.error?.message}>
            <Select
              options={options}
              selectedOption={options.find(({ value }) => value === draft.roleArn) ?? null}
              placeholder="Choose a role"
              empty="No role trusts bedrock.amazonaws.com."
              filteringType="auto"
              statusType={roles.isLoading ? 'loading' : 'finished'}
              onChange={({ detail }) => change({ roleArn: detail.selectedOption.value ?? '' })}
            />
          </FormField>
        )}
      </SpaceBetween>
    </Container>
  );
}

/** A role with what this job needs and no more. @returns its ARN */
export async function createServiceRole(draft: JobDraft): Promise<string> {
  const manifests = [draft.trainingData, draft.validationData].filter(uri => uri !== '');
  const places = new Set(manifests.map(folderOf));
  for (const uri of manifests)
    for (const { imageRef, maskRef } of await readManifestAt(uri))
      for (const reference of [imageRef, maskRef]) if (reference?.startsWith('s3://')) places.add(folderOf(reference));
  const trainingData = places.size <= MOST_PLACES ? [...places] : [...new Set([...places].map(bucketOf))];
  const body = { roleName: draft.newRoleName, trainingData, output: draft.output };
  const { roleArn } = await callRoute<{ roleArn: string }>({ method: 'POST', path: '/service-roles', body });
  return roleArn;
}

function folderOf(uri: string): string {
  return uri.slice(0, uri.lastIndexOf('/') + 1);
}

function bucketOf(uri: string): string {
  return `s3://${placeOf(uri).bucket}/`;
}
