import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import ExpandableSection from '@cloudscape-design/components/expandable-section';
import FormField from '@cloudscape-design/components/form-field';
import Input from '@cloudscape-design/components/input';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Textarea from '@cloudscape-design/components/textarea';
import limits from '../../../../contract/limits.json' with { type: 'json' };
import { adviceFor, phrases, withPhrase } from './prompt-advice.ts';
import type { Settings } from './request.ts';

interface PromptsProps {
  settings: Settings;
  change(part: Partial<Settings>): void;
  isOptional: boolean;
}

/** The prompts, with what helps them. */
export function Prompts({ settings, change, isOptional }: PromptsProps) {
  const { maximumLength } = limits.prompt;
  const { prompt, negativePrompt } = settings;
  return (
    <SpaceBetween size="l">
      <FormField
        label={isOptional ? 'Prompt - optional' : 'Prompt'}
        constraintText={`${prompt.length} of ${maximumLength} characters`}
        errorText={prompt.length > maximumLength ? `A prompt has at most ${maximumLength} characters.` : undefined}
      >
        <Textarea
          value={prompt}
          rows={3}
          placeholder="Ron the dog wearing a superhero cape"
          onChange={({ detail }) => change({ prompt: detail.value })}
        />
      </FormField>
      {adviceFor(prompt, negativePrompt).map(({ text, fix }) => (
        <Alert key={text} type="info" action={fix && <Button onClick={() => change(fix)}>Move it</Button>}>
          {text}
        </Alert>
      ))}
      <ExpandableSection headerText="What helps a prompt">
        <SpaceBetween size="s">
          <Box variant="p">
            Name the subject and its class as the captions do (“Ron the dog”), then what it does, where it is, the light
            and the style: “Ron the dog asleep on a red sofa, morning light, watercolour”. Change one thing at a time
            and keep the seed, so that what changes is what you changed. Higher prompt strength follows the words more
            closely. What words cannot say after a few tries (a certain face, a brand’s own look) is what a fine-tuning
            job is for.
          </Box>
          {Object.entries(phrases).map(([name, choices]) => (
            <div key={name}>
              <Box variant="awsui-key-label">{name}</Box>
              <SpaceBetween direction="horizontal" size="xs">
                {choices.map(phrase => (
                  <Button
                    key={phrase}
                    variant="inline-link"
                    ariaLabel={`Add ${phrase}`}
                    onClick={() => change({ prompt: withPhrase(prompt, phrase) })}
                  >
                    {phrase}
                  </Button>
                ))}
              </SpaceBetween>
            </div>
          ))}
        </SpaceBetween>
      </ExpandableSection>
      <FormField label="Negative prompt - optional">
        <Input
          value={negativePrompt}
          placeholder="blurry, text"
          onChange={({ detail }) => change({ negativePrompt: detail.value })}
        />
      </FormField>
    </SpaceBetween>
  );
}
