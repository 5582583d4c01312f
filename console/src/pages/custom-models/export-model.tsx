import ButtonDropdown from '@cloudscape-design/components/button-dropdown';
import { useMutation } from '@tanstack/react-query';
import { notify } from '../../app/notices.ts';
import { saveFile } from '../../app/save-file.ts';
import { lastOf } from '../../app/show.tsx';
import { openRoute } from '../../aws/clients.ts';

interface ExportModelProps {
  modelArn: string | undefined;
  modelName: string;
  failed(error: unknown): void;
}

/** The model's LoRA as a file that other programs load; what cannot be exported says why. */
export function ExportModel({ modelArn, modelName, failed }: ExportModelProps) {
  const save = useMutation({
    async mutationFn(format: string) {
      const path = `/models/${lastOf(modelArn)}/export`;
      const response = await openRoute({ method: 'GET', path, query: { format } });
      saveFile(await response.blob(), `${modelName}-${format}.safetensors`);
    },
    onMutate: () => failed(undefined),
    onSuccess: () => notify('success', `${modelName} was exported.`),
    onError: failed,
  });
  return (
    <ButtonDropdown
      loading={save.isPending}
      loadingText="Exporting"
      items={[
        { id: 'diffusers', text: 'diffusers', description: 'For diffusers, and for ComfyUI' },
        { id: 'kohya', text: 'kohya', description: 'For kohya’s scripts, Automatic1111 and ComfyUI' },
      ]}
      onItemClick={({ detail }) => save.mutate(detail.id)}
    >
      Export
    </ButtonDropdown>
  );
}
