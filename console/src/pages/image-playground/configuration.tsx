import Box from '@cloudscape-design/components/box';
import ColumnLayout from '@cloudscape-design/components/column-layout';
import ExpandableSection from '@cloudscape-design/components/expandable-section';
import FileUpload from '@cloudscape-design/components/file-upload';
import FormField from '@cloudscape-design/components/form-field';
import Input from '@cloudscape-design/components/input';
import SegmentedControl from '@cloudscape-design/components/segmented-control';
import Select from '@cloudscape-design/components/select';
import Slider from '@cloudscape-design/components/slider';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Textarea from '@cloudscape-design/components/textarea';
import { useState } from 'react';
import limits from '../../../../contract/limits.json' with { type: 'json' };
import { problemOf } from '../../app/fault-alert.tsx';
import { type InputImage, readInputImage } from './input-image.ts';
import { MaskPainter } from './mask-painter.tsx';
import { type Action, actions, coloursOf, type Settings } from './request.ts';

interface ConfigurationProps {
  settings: Settings;
  change(part: Partial<Settings>): void;
  images: readonly InputImage[];
  setImages(images: readonly InputImage[]): void;
  setMask(mask: string | undefined): void;
}

const actionOptions = Object.entries(actions).map(([value, { label }]) => ({ value, label }));

export function Configuration({ settings, change, images, setImages, setMask }: ConfigurationProps) {
  const { images: takes, mask, prompt, configured } = actions[settings.action];
  return (
    <SpaceBetween size="l">
      <FormField label="Action">
        <Select
          options={actionOptions}
          selectedOption={actionOptions.find(({ value }) => value === settings.action) ?? null}
          onChange={({ detail }) => change({ action: detail.selectedOption.value as Action })}
        />
      </FormField>
      {takes !== 'none' && <InputImages takes={takes} images={images} setImages={setImages} />}
      {mask && <MaskFields settings={settings} change={change} image={images[0]} setMask={setMask} />}
      {settings.action === 'colours' && <Colours settings={settings} change={change} />}
      {settings.action === 'crop' && (
        <FormField label="Aspect ratio" constraintText="Such as 16:9">
          <Input value={settings.aspectRatio} onChange={({ detail }) => change({ aspectRatio: detail.value })} />
        </FormField>
      )}
      {prompt !== 'none' && <Prompts settings={settings} change={change} isOptional={prompt === 'optional'} />}
      {configured && <ResponseImage settings={settings} change={change} />}
    </SpaceBetween>
  );
}

type PartProps = Pick<ConfigurationProps, 'settings' | 'change'>;

function Prompts({ settings, change, isOptional }: PartProps & { isOptional: boolean }) {
  const { maximumLength } = limits.prompt;
  return (
    <SpaceBetween size="l">
      <FormField
        label={isOptional ? 'Prompt - optional' : 'Prompt'}
        constraintText={`${settings.prompt.length} of ${maximumLength} characters`}
      >
        <Textarea
          value={settings.prompt}
          rows={3}
          placeholder="Ron the dog wearing a superhero cape"
          onChange={({ detail }) => change({ prompt: detail.value })}
        />
      </FormField>
      <ExpandableSection headerText="What helps a prompt">
        <Box variant="p">
          Name the subject and its class as the captions do (“Ron the dog”), then what it does, where it is, the light
          and the style: “Ron the dog asleep on a red sofa, morning light, watercolour”. Say what is there, not what is
          not; that goes into the negative prompt, without “no”. Higher prompt strength follows the words more closely.
        </Box>
      </ExpandableSection>
      <FormField label="Negative prompt - optional">
        <Input
          value={settings.negativePrompt}
          placeholder="blurry, text"
          onChange={({ detail }) => change({ negativePrompt: detail.value })}
        />
      </FormField>
    </SpaceBetween>
  );
}

function InputImages(
  props: { takes: 'one' | 'several' | 'optional' } & Pick<ConfigurationProps, 'images' | 'setImages'>,
) {
  const [files, setFiles] = useState<File[]>([]);
  const [problem, setProblem] = useState<string>();
  const isSeveral = props.takes === 'several';

  async function read(chosen: File[]): Promise<void> {
    setFiles(chosen);
    setProblem(undefined);
    try {
      props.setImages(await Promise.all(chosen.slice(0, limits.inputImage.maximumCount).map(readInputImage)));
    } catch (error) {
      setProblem(problemOf(error).message);
      props.setImages([]);
    }
  }

  return (
    <FormField
      label={props.takes === 'optional' ? 'Reference image - optional' : isSeveral ? 'Images' : 'Image'}
      errorText={problem}
      constraintText={
        isSeveral
          ? `JPEG or PNG, at most ${limits.inputImage.maximumCount}`
          : 'JPEG or PNG; a large one is made smaller'
      }
    >
      <FileUpload
        value={files}
        multiple={isSeveral}
        accept="image/png,image/jpeg,image/webp"
        showFileThumbnail
        onChange={({ detail }) => read(detail.value)}
        i18nStrings={{
          uploadButtonText: multiple => (multiple ? 'Choose files' : 'Choose file'),
          dropzoneText: multiple => (multiple ? 'Drop files to upload' : 'Drop file to upload'),
          removeFileAriaLabel: index => `Remove file ${index + 1}`,
          limitShowFewer: 'Show fewer files',
          limitShowMore: 'Show more files',
          errorIconAriaLabel: 'Error',
        }}
      />
      {props.images.length > 0 && files.length === 0 && (
        <Box color="text-body-secondary">{props.images.map(({ name }) => name).join(', ')}</Box>
      )}
    </FormField>
  );
}

function MaskFields(props: PartProps & { image: InputImage | undefined } & Pick<ConfigurationProps, 'setMask'>) {
  const { settings, change, image, setMask } = props;
  const kept = settings.action === 'background' ? 'kept' : 'drawn anew';
  return (
    <SpaceBetween size="s">
      <FormField label="Mask" description={`Which part is ${kept}.`}>
        <SegmentedControl
          label="Mask"
          selectedId={settings.isMaskPainted ? 'painted' : 'prompt'}
          options={[
            { id: 'prompt', text: 'In words' },
            { id: 'painted', text: 'Painted' },
          ]}
          onChange={({ detail }) => change({ isMaskPainted: detail.selectedId === 'painted' })}
        />
      </FormField>
      {!settings.isMaskPainted && (
        <FormField label="Mask prompt">
          <Input
            value={settings.maskPrompt}
            placeholder="the dog"
            onChange={({ detail }) => change({ maskPrompt: detail.value })}
          />
        </FormField>
      )}
      {settings.isMaskPainted && image && <MaskPainter image={image} onChange={setMask} />}
      {settings.action === 'background' && (
        <FormField label="Edge">
          <SegmentedControl
            label="Edge"
            selectedId={settings.outPaintingMode}
            options={[
              { id: 'DEFAULT', text: 'Soft' },
              { id: 'PRECISE', text: 'Exact' },
            ]}
            onChange={({ detail }) => change({ outPaintingMode: detail.selectedId as Settings['outPaintingMode'] })}
          />
        </FormField>
      )}
    </SpaceBetween>
  );
}

function Colours({ settings, change }: PartProps) {
  return (
    <FormField label="Colours" constraintText="One to ten, such as #FF9900, with blanks between">
      <SpaceBetween size="xs">
        <Input value={settings.colours} onChange={({ detail }) => change({ colours: detail.value })} />
        <svg className="palette" role="img" aria-label="The colours" viewBox="0 0 10 1" preserveAspectRatio="xMinYMin">
          {coloursOf(settings.colours)
            .slice(0, 10)
            .map((colour, index) => (
              <rect key={`${colour} ${String(index)}`} x={index} width={0.9} height={1} fill={colour} />
            ))}
        </svg>
      </SpaceBetween>
    </FormField>
  );
}

const qualities = [
  { value: 'standard', label: 'Standard' },
  { value: 'premium', label: 'Premium' },
];

function ResponseImage({ settings, change }: PartProps) {
  const { mask } = actions[settings.action];
  const isLandscape = (size: string) => Number(size.split('x')[0]) >= Number(size.split('x')[1]);
  const landscape = isLandscape(settings.size);
  const config = limits.imageGenerationConfig;
  const sizes = config.sizes
    .map(([width = 0, height = 0]) => `${width}x${height}`)
    .filter(size => isLandscape(size) === landscape || size === '1024x1024')
    .map(value => ({ value, label: value.replace('x', ' x ') }));
  const quality = qualities.find(({ value }) => value === settings.quality) ?? null;
  return (
    <SpaceBetween size="l">
      {!mask && (
        <ColumnLayout columns={2}>
          <FormField label="Orientation">
            <SegmentedControl
              label="Orientation"
              selectedId={landscape ? 'landscape' : 'portrait'}
              options={[
                { id: 'landscape', text: 'Landscape' },
                { id: 'portrait', text: 'Portrait' },
              ]}
              onChange={({ detail }) => change({ size: detail.selectedId === 'landscape' ? '1024x1024' : '768x1152' })}
            />
          </FormField>
          <FormField label="Size">
            <Select
              options={sizes}
              selectedOption={sizes.find(({ value }) => value === settings.size) ?? null}
              onChange={({ detail }) => change({ size: detail.selectedOption.value ?? '1024x1024' })}
            />
          </FormField>
        </ColumnLayout>
      )}
      <FormField label={`Number of images: ${settings.count}`}>
        <Slider
          value={settings.count}
          min={config.numberOfImages.minimum}
          max={config.numberOfImages.maximum}
          tickMarks
          onChange={({ detail }) => change({ count: detail.value })}
        />
      </FormField>
      {settings.action === 'variations' && (
        <FormField label={`Similarity strength: ${settings.similarity}`}>
          <Slider
            value={settings.similarity}
            min={limits.similarityStrength.minimum}
            max={limits.similarityStrength.maximum}
            step={0.1}
            onChange={({ detail }) => change({ similarity: Math.round(detail.value * 10) / 10 })}
          />
        </FormField>
      )}
      <ExpandableSection headerText="Advanced configurations">
        <SpaceBetween size="l">
          <FormField label="Quality">
            <Select
              options={qualities}
              selectedOption={quality}
              onChange={({ detail }) => change({ quality: detail.selectedOption.value as Settings['quality'] })}
            />
          </FormField>
          <FormField label={`Prompt strength: ${settings.strength}`}>
            <Slider
              value={settings.strength}
              min={config.cfgScale.minimum}
              max={config.cfgScale.maximum}
              step={0.1}
              onChange={({ detail }) => change({ strength: Math.round(detail.value * 10) / 10 })}
            />
          </FormField>
          <FormField label="Seed" constraintText="The same seed and request draw the same picture.">
            <Input
              type="number"
              inputMode="numeric"
              value={String(settings.seed)}
              onChange={({ detail }) => change({ seed: Math.max(0, Math.trunc(Number(detail.value))) })}
            />
          </FormField>
        </SpaceBetween>
      </ExpandableSection>
    </SpaceBetween>
  );
}
