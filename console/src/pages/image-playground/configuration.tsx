import Button from '@cloudscape-design/components/button';
import ColumnLayout from '@cloudscape-design/components/column-layout';
import ExpandableSection from '@cloudscape-design/components/expandable-section';
import FormField from '@cloudscape-design/components/form-field';
import Input from '@cloudscape-design/components/input';
import Select from '@cloudscape-design/components/select';
import Slider from '@cloudscape-design/components/slider';
import SpaceBetween from '@cloudscape-design/components/space-between';
import limits from '../../../../contract/limits.json' with { type: 'json' };
import { SegmentedField } from '../../app/segmented-field.tsx';
import { noFrame } from './frame.ts';
import { FrameEditor } from './frame-editor.tsx';
import type { InputImage } from './input-image.ts';
import { InputPictures } from './input-pictures.tsx';
import { MaskPainter } from './mask-painter.tsx';
import { blank, maskOf } from './painting.ts';
import { PaletteField } from './palette-field.tsx';
import { Prompts } from './prompts.tsx';
import { type Action, actions, type Settings } from './request.ts';
import type { FormPictures } from './request-pictures.ts';

interface ConfigurationProps {
  settings: Settings;
  change(part: Partial<Settings>): void;
  pictures: FormPictures;
  changePictures(part: Partial<FormPictures>): void;
}

const actionOptions = Object.entries(actions).map(([value, { label }]) => ({ value, label }));

const cropRatios = ['1:1', '4:3', '3:2', '16:9', '3:4', '2:3', '9:16'].map(value => ({ value, label: value }));

export function Configuration({ settings, change, pictures, changePictures }: ConfigurationProps) {
  const { images: takes, mask, prompt, configured } = actions[settings.action];
  const [image] = pictures.images;

  function setImages(images: readonly InputImage[]): void {
    // What was painted over another picture means nothing on this one.
    const isSame = images[0]?.url === image?.url;
    changePictures(isSame ? { images } : { images, painting: blank, mask: undefined, frame: noFrame });
  }

  return (
    <SpaceBetween size="l">
      <FormField label="Action">
        <Select
          options={actionOptions}
          selectedOption={actionOptions.find(({ value }) => value === settings.action) ?? null}
          onChange={({ detail }) => change({ action: detail.selectedOption.value as Action })}
        />
      </FormField>
      {takes !== 'none' && <InputPictures takes={takes} images={pictures.images} change={setImages} />}
      {settings.action === 'generate' && image && <Control settings={settings} change={change} />}
      {mask && <MaskFields {...{ settings, change, pictures, changePictures }} />}
      {settings.action === 'extend' && (
        <SpaceBetween size="l">
          {image && (
            <FormField label="Frame" stretch>
              <FrameEditor image={image} frame={pictures.frame} change={frame => changePictures({ frame })} />
            </FormField>
          )}
          <Edge settings={settings} change={change} />
        </SpaceBetween>
      )}
      {settings.action === 'colours' && (
        <PaletteField colours={settings.colours} change={colours => change({ colours })} />
      )}
      {settings.action === 'crop' && <Crop settings={settings} change={change} />}
      {prompt !== 'none' && <Prompts settings={settings} change={change} isOptional={prompt === 'optional'} />}
      {configured && <ResponseImage settings={settings} change={change} />}
    </SpaceBetween>
  );
}

type PartProps = Pick<ConfigurationProps, 'settings' | 'change'>;

/** How closely the reference image is followed. */
function Control({ settings, change }: PartProps) {
  const { minimum, maximum } = limits.controlStrength;
  return (
    <SpaceBetween size="s">
      <SegmentedField
        label="Keep of the reference image"
        selectedId={settings.controlMode}
        options={[
          ['CANNY_EDGE', 'Its edges'],
          ['SEGMENTATION', 'Its areas'],
        ]}
        onChange={controlMode => change({ controlMode })}
      />
      <FormField label={`Control strength: ${settings.controlStrength}`}>
        <Slider
          value={settings.controlStrength}
          min={minimum}
          max={maximum}
          step={0.1}
          onChange={({ detail }) => change({ controlStrength: Math.round(detail.value * 10) / 10 })}
        />
      </FormField>
    </SpaceBetween>
  );
}

function Crop({ settings, change }: PartProps) {
  return (
    <ColumnLayout columns={2}>
      <FormField label="Aspect ratio" description="Width to height.">
        <Select
          options={cropRatios}
          selectedOption={{ value: settings.aspectRatio, label: settings.aspectRatio }}
          onChange={({ detail }) => change({ aspectRatio: detail.selectedOption.value ?? '1:1' })}
        />
      </FormField>
      <FormField label="Keep in the picture - optional" description="Else what stands out most.">
        <Input
          value={settings.subject}
          placeholder="the dog"
          onChange={({ detail }) => change({ subject: detail.value })}
        />
      </FormField>
    </ColumnLayout>
  );
}

function Edge({ settings, change }: PartProps) {
  return (
    <SegmentedField
      label="Edge"
      description="Soft lets what is kept change a little, so that it fits what is around it."
      selectedId={settings.outPaintingMode}
      options={[
        ['DEFAULT', 'Soft'],
        ['PRECISE', 'Exact'],
      ]}
      onChange={outPaintingMode => change({ outPaintingMode })}
    />
  );
}

function MaskFields({ settings, change, pictures, changePictures }: ConfigurationProps) {
  const [image] = pictures.images;
  const kept = settings.action === 'background' ? 'kept' : 'drawn anew';
  return (
    <SpaceBetween size="s">
      <SegmentedField
        label="Mask"
        description={`Which part is ${kept}.`}
        selectedId={settings.isMaskPainted ? 'painted' : 'prompt'}
        options={[
          ['prompt', 'In words'],
          ['painted', 'Painted'],
        ]}
        onChange={mask => change({ isMaskPainted: mask === 'painted' })}
      />
      {!settings.isMaskPainted && (
        <FormField
          label="Mask prompt"
          constraintText="Words cannot choose between several of a kind: paint the mask then, or where they take the wrong part."
        >
          <Input
            value={settings.maskPrompt}
            placeholder="the dog"
            onChange={({ detail }) => change({ maskPrompt: detail.value })}
          />
        </FormField>
      )}
      {settings.isMaskPainted && image && (
        <MaskPainter
          image={image}
          painting={pictures.painting}
          share={pictures.mask?.share ?? 0}
          change={painting => changePictures({ painting, mask: maskOf(painting, image) })}
        />
      )}
      {settings.action === 'background' && <Edge settings={settings} change={change} />}
    </SpaceBetween>
  );
}

const qualities = [
  { value: 'standard', label: 'Standard' },
  { value: 'premium', label: 'Premium' },
];

function ResponseImage({ settings, change }: PartProps) {
  const keepsSize = actions[settings.action].taskType.endsWith('PAINTING');
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
      {!keepsSize && (
        <ColumnLayout columns={2}>
          <SegmentedField
            label="Orientation"
            selectedId={landscape ? 'landscape' : 'portrait'}
            options={[
              ['landscape', 'Landscape'],
              ['portrait', 'Portrait'],
            ]}
            onChange={orientation => change({ size: orientation === 'landscape' ? '1024x1024' : '768x1152' })}
          />
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
            <SpaceBetween direction="horizontal" size="xs">
              <Input
                type="number"
                inputMode="numeric"
                value={String(settings.seed)}
                onChange={({ detail }) => change({ seed: Math.max(0, Math.trunc(Number(detail.value))) })}
              />
              <Button onClick={() => change({ seed: Math.floor(Math.random() * config.seed.maximum) })}>
                Another seed
              </Button>
            </SpaceBetween>
          </FormField>
        </SpaceBetween>
      </ExpandableSection>
    </SpaceBetween>
  );
}
