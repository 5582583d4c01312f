import Box from '@cloudscape-design/components/box';
import CopyToClipboard from '@cloudscape-design/components/copy-to-clipboard';
import Modal from '@cloudscape-design/components/modal';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Tabs from '@cloudscape-design/components/tabs';
import { useQuery } from '@tanstack/react-query';
import { currentRegion } from '../../app/preferences.ts';
import { callRoute } from '../../aws/clients.ts';
import { commandLine, javaScript, keysCommand, PictureFile, python } from './api-request.ts';
import { type Pictures, requestBody, type Settings } from './request.ts';

interface ApiRequestModalProps {
  settings: Settings;
  modelId: string;
  /** Their `data:` addresses. */
  pictures: Pictures<string>;
  close(): void;
}

/** The request of the page as code that runs as shown, with the keys of the environment. */
export function ApiRequestModal({ settings, modelId, pictures, close }: ApiRequestModalProps) {
  const files = {
    images: pictures.images.map(
      (url, index) => new PictureFile(`input-${index + 1}.${url.startsWith('data:image/png') ? 'png' : 'jpg'}`),
    ),
    mask: pictures.mask === undefined ? undefined : new PictureFile('mask.png'),
  };
  const urls = [...pictures.images, pictures.mask ?? ''];
  const body = requestBody(settings, files);
  const needed = [...files.images, ...(files.mask ? [files.mask] : [])]
    .map(({ name }, index) => ({ name, url: urls[index] ?? '' }))
    // A mask may be painted and the request have one in words.
    .filter(({ name }) => JSON.stringify(body).includes(JSON.stringify(name)));
  const request = {
    endpoint: window.location.origin,
    region: currentRegion(),
    modelId,
    body,
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
          <Keys />
          {needed.length > 0 && ' Its pictures are read from files beside it: '}
        </Box>
        {needed.length > 0 && (
          <SpaceBetween direction="horizontal" size="s">
            {needed.map(({ name, url }) => (
              <a key={name} className="link" href={url} download={name}>
                {name}
              </a>
            ))}
          </SpaceBetween>
        )}
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

/** Whose keys the code runs with; those that the installation's own command prints, for who may know where its data is. */
function Keys() {
  const { data, isPending } = useQuery({
    queryKey: ['data-folder'],
    retry: false,
    queryFn: () => callRoute<{ path: string }>({ method: 'GET', path: '/data-folder' }),
  });
  if (isPending) return null;
  if (!data) return 'It takes an access key of yours from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.';
  return (
    <>
      It takes an access key from the environment: one of yours, or what{' '}
      <Box variant="code">{keysCommand(data.path)}</Box> prints where the service is installed.
    </>
  );
}
