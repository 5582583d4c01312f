import Button from '@cloudscape-design/components/button';
import FormField from '@cloudscape-design/components/form-field';
import SpaceBetween from '@cloudscape-design/components/space-between';
import limits from '../../../../contract/limits.json' with { type: 'json' };

interface PaletteFieldProps {
  colours: readonly string[];
  change(colours: readonly string[]): void;
}

/** The colours that lead, each chosen in the browser's own picker. */
export function PaletteField({ colours, change }: PaletteFieldProps) {
  const { minimumCount, maximumCount } = limits.colors;
  return (
    <FormField label="Colours" constraintText={`${minimumCount} to ${maximumCount}`}>
      <SpaceBetween size="xs">
        <ul className="palette">
          {colours.map((colour, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a colour is its place in the row
            <li key={index}>
              <input
                type="color"
                aria-label={`Colour ${index + 1}: ${colour}`}
                value={colour}
                onChange={event => change(colours.with(index, event.target.value.toUpperCase()))}
              />
              <Button
                variant="icon"
                iconName="close"
                ariaLabel={`Remove colour ${index + 1}`}
                disabled={colours.length <= minimumCount}
                onClick={() => change(colours.toSpliced(index, 1))}
              />
            </li>
          ))}
        </ul>
        <Button disabled={colours.length >= maximumCount} onClick={() => change([...colours, '#7F7F7F'])}>
          Add a colour
        </Button>
      </SpaceBetween>
    </FormField>
  );
}
