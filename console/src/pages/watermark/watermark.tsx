import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import ContentLayout from '@cloudscape-design/components/content-layout';
import FileUpload from '@cloudscape-design/components/file-upload';
import FormField from '@cloudscape-design/components/form-field';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import limits from '../../../../contract/limits.json' with { type: 'json' };
import { base64Of } from '../../app/base64.ts';
import { FaultAlert } from '../../app/fault-alert.tsx';
import { callRoute } from '../../aws/clients.ts';

interface Detection {
  detectionResult: 'GENERATED' | 'NOT_GENERATED';
  confidenceLevel: 'HIGH' | 'MEDIUM' | 'LOW';
}

/** Was this drawn here? */
export default function WatermarkDetectionPage() {
  const [files, setFiles] = useState<File[]>([]);
  const [file] = files;
  const analyze = useMutation({
    mutationFn: async (picture: File) =>
      callRoute<Detection>({
        service: 'bedrock',
        method: 'POST',
        path: '/detectGeneratedContent',
        body: { content: { imageContent: { bytes: await base64Of(picture) } } },
      }),
  });
  return (
    <ContentLayout
      header={
        <Header
          variant="h1"
          description="Every picture that is drawn here carries an invisible watermark. Find out whether one was."
        >
          Watermark detection
        </Header>
      }
    >
      <Container>
        <SpaceBetween size="l">
          <FormField
            label="Image"
            constraintText={`JPEG or PNG, at most ${Math.round(limits.detectionImage.maximumSizeBytes / 1_048_576)} MB`}
          >
            <FileUpload
              value={files}
              accept="image/png,image/jpeg"
              showFileThumbnail
              onChange={({ detail }) => {
                setFiles(detail.value);
                analyze.reset();
              }}
              i18nStrings={{
                uploadButtonText: () => 'Upload image',
                dropzoneText: () => 'Drop an image',
                removeFileAriaLabel: () => 'Remove the image',
                limitShowFewer: 'Fewer',
                limitShowMore: 'More',
                errorIconAriaLabel: 'Error',
              }}
            />
          </FormField>
          <Button
            variant="primary"
            disabled={!file}
            loading={analyze.isPending}
            onClick={() => file && analyze.mutate(file)}
          >
            Analyze
          </Button>
          {analyze.error && <FaultAlert error={analyze.error} />}
          {analyze.data && (
            <Alert
              type={analyze.data.detectionResult === 'GENERATED' ? 'success' : 'info'}
              header={analyze.data.detectionResult === 'GENERATED' ? 'Watermark detected' : 'Watermark NOT detected'}
            >
              <Box>
                Confidence: {analyze.data.confidenceLevel.toLowerCase()}.
                {analyze.data.detectionResult === 'NOT_GENERATED' &&
                  ' The mark was not found; that does not say that no model drew the picture.'}
              </Box>
            </Alert>
          )}
        </SpaceBetween>
      </Container>
    </ContentLayout>
  );
}
