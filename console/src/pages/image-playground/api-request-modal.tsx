import Box from '@cloudscape-design/components/box';
import CopyToClipboard from '@cloudscape-design/components/copy-to-clipboard';
import Modal from '@cloudscape-design/components/modal';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Tabs from '@cloudscape-design/components/tabs';
import { currentRegion } from '../../app/preferences.ts';
import { commandLine, javaScript, PictureFile, python } from './api-request.ts';
import type { InputImage } from './input-image.ts';
import { requestBody, type Settings } from './request.ts';

interface ApiRequestModalProps {
  settings: Settings;
  modelId: string;
  images: readonly InputImage[];
  close(): void;
}

/** The request of the page as code that runs as shown, with the keys of the environment. */
export function ApiRequestModal({ settings, modelId, images, close }: ApiRequestModalProps) {
  const pictures = {
    images: images.map(({ name }) => new PictureFile(name)),
    mask: settings.isMaskPainted ? new PictureFile('mask.png') : undefined,
  };
  const request = {
    endpoint: window.location.origin,
    region: currentRegion(),
    modelId,
    body: requestBody(settings, pictures),
  };
  const tabs = [
    { id: 'cli', label: 'AWS CLI', code: commandLine(request) },
    { id: 'python', label: 'Python', code: python(request) },
    { id: 'javascript', label: 'JavaScript', code: javaScript(request) },
  ];
  return (
    <Modal visible size="large" onDismiss={close} closeAriaLabel="Close" header="API request">
      <SpaceBetween size="s">
        <Box>
          With the keys that <Box variant="code">npx --no-install likeness env</Box> prints.
          {images.length > 0 && ' The pictures are read from files of these names beside it.'}
        </Box>
        <Tabs
          tabs={tabs.map(({ id, label, code }) => ({
            id,
            label,
            content: (
              <SpaceBetween size="s">
                <CopyToClipboard
                  copyButtonText="Copy"
                  copySuccessText="Copied"
                  copyErrorText="It could not be copied"
                  textToCopy={code}
                />
                {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
                <pre className="code" tabIndex={0}>
                  {code}
                </pre>
              </SpaceBetween>
            ),
          }))}
        />
      </SpaceBetween>
    </Modal>
  );
}
