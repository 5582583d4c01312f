import Button from '@cloudscape-design/components/button';
import FormField from '@cloudscape-design/components/form-field';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useRef, useState } from 'react';
import limits from '../../../../contract/limits.json' with { type: 'json' };
import { problemOf } from '../../app/fault-alert.tsx';
import { type InputImage, readInputImage } from './input-image.ts';

interface InputPicturesProps {
  takes: 'one' | 'several' | 'optional';
  images: readonly InputImage[];
  change(images: readonly InputImage[]): void;
}

/** Pictures to go on from, chosen or dropped. */
export function InputPictures({ takes, images, change }: InputPicturesProps) {
  const chooser = useRef<HTMLInputElement>(null);
  const [problem, setProblem] = useState<string>();
  const [isOver, setIsOver] = useState(false);
  const { maximumCount } = limits.variationImage;
  const isSeveral = takes === 'several';
  const shown = isSeveral ? images : images.slice(0, 1);

  async function read(files: readonly File[]): Promise<void> {
    setProblem(undefined);
    try {
      const brought = await Promise.all(files.slice(0, isSeveral ? maximumCount : 1).map(readInputImage));
      if (brought.length > 0) change(isSeveral ? [...images, ...brought].slice(0, maximumCount) : brought);
    } catch (error) {
      setProblem(problemOf(error).message);
    }
  }

  return (
    <FormField
      label={takes === 'optional' ? 'Reference image - optional' : isSeveral ? 'Images' : 'Image'}
      errorText={problem}
      constraintText={isSeveral ? `JPEG or PNG, at most ${maximumCount}` : 'JPEG or PNG; a large one is made smaller'}
    >
      <section
        className={isOver ? 'drop-zone small over' : 'drop-zone small'}
        aria-label="Bring a picture"
        onDragOver={event => {
          event.preventDefault();
          setIsOver(true);
        }}
        onDragLeave={() => setIsOver(false)}
        onDrop={event => {
          event.preventDefault();
          setIsOver(false);
          read([...event.dataTransfer.files]);
        }}
      >
        <SpaceBetween direction="horizontal" size="s" alignItems="center">
          {shown.map((image, index) => (
            <div key={image.url.slice(-64) + String(index)} className="input-picture">
              <img src={image.url} alt={image.name} />
              <Button
                iconName="close"
                variant="icon"
                ariaLabel={`Remove ${image.name}`}
                onClick={() => change(images.toSpliced(index, 1))}
              />
            </div>
          ))}
          <Button iconName="upload" onClick={() => chooser.current?.click()}>
            {isSeveral ? 'Choose files' : 'Choose file'}
          </Button>
        </SpaceBetween>
        <input
          ref={chooser}
          type="file"
          hidden
          multiple={isSeveral}
          accept="image/png,image/jpeg,image/webp"
          aria-label="Input pictures"
          onChange={event => {
            read([...(event.target.files ?? [])]);
            // The same file may be chosen again after it was removed.
            event.target.value = '';
          }}
        />
      </section>
    </FormField>
  );
}
