import { CreateModelImportJobCommand } from '@aws-sdk/client-bedrock';
import FormField from '@cloudscape-design/components/form-field';
import Select from '@cloudscape-design/components/select';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { bedrockRoles } from '../../app/bedrock-roles.ts';
import { useDraft } from '../../app/draft.ts';
import { FormModal } from '../../app/form-modal.tsx';
import { NameField } from '../../app/name-field.tsx';
import { isName } from '../../app/names.ts';
import { notify } from '../../app/notices.ts';
import { navigate } from '../../app/router.ts';
import { S3PlaceField } from '../../app/s3-place-field.tsx';
import { listBaseModels } from '../../aws/base-models.ts';
import { bedrock } from '../../aws/bedrock.ts';

const FROM_FILES = { value: '', label: 'As the files say' };

/** Creates an import job; what is wrong with the files shows in the job. */
export function ImportModel({ close }: { close(): void }) {
  const queries = useQueryClient();
  const [draft, change, forget] = useDraft('import-model', {
    jobName: '',
    modelName: '',
    source: '',
    baseModelId: '',
    roleArn: '',
  });
  const roles = useQuery({ queryKey: ['roles', 'bedrock'], queryFn: bedrockRoles });
  const roleOptions = (roles.data ?? []).map(({ RoleName, Arn }) => ({ value: Arn ?? '', label: RoleName ?? '' }));
  const bases = useQuery({ queryKey: ['base-models', 'all'], queryFn: listBaseModels });
  const baseOptions = [
    FROM_FILES,
    ...(bases.data ?? [])
      .filter(model => model.customizable)
      .map(({ modelId, baseModelName }) => ({ value: modelId, label: modelId, description: baseModelName })),
  ];
  const { jobName, modelName, source, baseModelId, roleArn } = draft;
  return (
    <FormModal
      title="Import model"
      action="Import model"
      isComplete={isName('job', jobName) && isName('model', modelName) && source !== '' && roleArn !== ''}
      submit={() =>
        bedrock().send(
          new CreateModelImportJobCommand({
            jobName,
            importedModelName: modelName,
            roleArn,
            modelDataSource: { s3DataSource: { s3Uri: source } },
            ...(baseModelId !== '' && {
              importedModelTags: [{ key: 'likeness:base-model', value: baseModelId }],
            }),
          }),
        )
      }
      done={() => {
        forget();
        notify('success', `The import job ${jobName} was created.`);
        queries.invalidateQueries({ queryKey: ['import-jobs'] });
        navigate('/imported-models?tab=jobs', { replace: true });
      }}
      close={close}
    >
      <NameField
        label="Imported model name"
        kind="model"
        name={modelName}
        change={next => change({ modelName: next })}
      />
      <NameField label="Job name" kind="job" name={jobName} change={next => change({ jobName: next })} />
      <S3PlaceField
        label="Model files"
        description="A folder with a LoRA (.safetensors, PEFT, kohya) or a whole model in diffusers layout."
        kind="prefix"
        uri={source}
        onChange={uri => change({ source: uri })}
      />
      <FormField
        label="Base model of a LoRA"
        description="A whole model brings its own."
        errorText={bases.error?.message}
      >
        <Select
          options={baseOptions}
          selectedOption={baseOptions.find(({ value }) => value === baseModelId) ?? FROM_FILES}
          onChange={({ detail }) => change({ baseModelId: detail.selectedOption.value ?? '' })}
        />
      </FormField>
      <FormField label="Service role" description="The files are read with it." errorText={roles.error?.message}>
        <Select
          options={roleOptions}
          selectedOption={roleOptions.find(({ value }) => value === roleArn) ?? null}
          placeholder="Choose a role"
          empty="No role trusts bedrock.amazonaws.com."
          filteringType="auto"
          onChange={({ detail }) => change({ roleArn: detail.selectedOption.value ?? '' })}
        />
      </FormField>
    </FormModal>
  );
}
