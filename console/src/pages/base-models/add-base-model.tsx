import Alert from '@cloudscape-design/components/alert';
import FormField from '@cloudscape-design/components/form-field';
import Input from '@cloudscape-design/components/input';
import { useDraft } from '../../app/draft.ts';
import { FormModal } from '../../app/form-modal.tsx';
import { notify } from '../../app/notices.ts';
import { callRoute } from '../../aws/clients.ts';
import type { RegisteredModel } from './registered-model.ts';

/** Registers a folder that the service can read; what is missing in it stands in the refusal. */
export function AddBaseModel({ added, close }: { added(model: RegisteredModel): void; close(): void }) {
  const [draft, change, forget] = useDraft('base-model', { path: '', id: '', licence: '' });
  const { path, id, licence } = draft;
  return (
    <FormModal
      title="Add base model"
      action="Add base model"
      isComplete={path !== ''}
      submit={async () => {
        const model = await callRoute<RegisteredModel>({
          method: 'POST',
          path: '/registered-models',
          body: { path, id: id || null, licence: licence || null },
        });
        forget();
        notify('success', `Registered ${model.id}.`);
        added(model);
      }}
      close={close}
    >
      <Alert type="info">
        The folder is one of the machine that the service runs on, not of yours. It is looked at there, nothing of it is
        copied, and it must stay where it is. Its model serves every account.
      </Alert>
      <FormField
        label="Folder on the machine of the service"
        description="In diffusers layout, or a BLIP or CLIPSeg folder, with weights in safetensors."
        constraintText="A whole path, such as /models/photos"
      >
        <Input value={path} spellcheck={false} onChange={({ detail }) => change({ path: detail.value })} />
      </FormField>
      <FormField
        label="Model ID - optional"
        description="Left empty, the one that the folder's likeness.json names."
        constraintText="provider.model, such as acme.photos-v1: lower-case letters, digits and dashes."
      >
        <Input value={id} spellcheck={false} onChange={({ detail }) => change({ id: detail.value.trim() })} />
      </FormField>
      <FormField
        label="Licence - optional"
        description="It binds what is made of the model: read it. Left empty, the one that the folder's likeness.json names."
        constraintText="Such as openrail++ or apache-2.0"
      >
        <Input value={licence} spellcheck={false} onChange={({ detail }) => change({ licence: detail.value })} />
      </FormField>
    </FormModal>
  );
}
