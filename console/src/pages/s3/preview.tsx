import { GetObjectCommand } from '@aws-sdk/client-s3';
import Box from '@cloudscape-design/components/box';
import Modal from '@cloudscape-design/components/modal';
import { useQuery } from '@tanstack/react-query';
import { FaultAlert } from '../../app/fault-alert.tsx';
import { ObjectImage } from '../../app/object-image.tsx';
import { s3 } from '../../aws/s3.ts';

const PICTURE = /\.(png|jpe?g|webp|gif)$/i;
const TEXT = /\.(txt|jsonl?|csv|md|log|yaml|yml|out)$/i;
const SHOWN_BYTES = 65_536;

export function isViewable(key: string): boolean {
  return PICTURE.test(key) || TEXT.test(key);
}

export function Preview({ bucket, objectKey, close }: { bucket: string; objectKey: string; close(): void }) {
  return (
    <Modal visible size="large" onDismiss={close} closeAriaLabel="Close" header={objectKey}>
      {PICTURE.test(objectKey) ? (
        <Box textAlign="center">
          <ObjectImage bucket={bucket} objectKey={objectKey} alt={objectKey} isLarge />
        </Box>
      ) : (
        <TextBeginning bucket={bucket} objectKey={objectKey} />
      )}
    </Modal>
  );
}

/** The first 64 kB of a text. */
function TextBeginning({ bucket, objectKey }: { bucket: string; objectKey: string }) {
  const { data, error } = useQuery({
    queryKey: ['object', bucket, objectKey, 'beginning'],
    async queryFn() {
      const range = `bytes=0-${SHOWN_BYTES - 1}`;
      const { Body } = await s3().send(new GetObjectCommand({ Bucket: bucket, Key: objectKey, Range: range }));
      return (await Body?.transformToString()) ?? '';
    },
  });
  if (error) return <FaultAlert error={error} />;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <pre className="code" tabIndex={0}>
      {data ?? 'Loading'}
    </pre>
  );
}
