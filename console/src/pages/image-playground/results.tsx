import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Spinner from '@cloudscape-design/components/spinner';
import { FaultAlert } from '../../app/fault-alert.tsx';
import { pngUrl } from './input-image.ts';
import type { Drawn } from './invoke.ts';

/** One model's answer, on its way or here. */
export type Side = { id: string; label: string } & (
  | { state: 'drawing' }
  | { state: 'failed'; failure: unknown }
  | ({ state: 'drawn' } & Drawn)
);

interface ResultsProps {
  sides: readonly Side[];
  /** Takes a picture that was drawn as the input of the next request. */
  goOnFrom(name: string, base64: string): void;
}

export function Results({ sides, goOnFrom }: ResultsProps) {
  if (sides.length === 0)
    return (
      <Container header={<Header variant="h2">Pictures</Header>}>
        <Box textAlign="center" color="text-body-secondary" padding="xxl">
          Write a prompt and run it. With a second model, both draw the same prompt and seed, side by side.
        </Box>
      </Container>
    );
  return (
    <div className={sides.length > 1 ? 'sides two' : 'sides'}>
      {sides.map(side => (
        <Container key={side.id} header={<Header variant="h2">{side.label}</Header>}>
          <SpaceBetween size="s">
            {side.state === 'drawing' && (
              <Box textAlign="center" padding="xxl">
                <Spinner size="large" /> Drawing
              </Box>
            )}
            {side.state === 'failed' && <FaultAlert error={side.failure} />}
            {side.state === 'drawn' && (
              <>
                {side.error && <Alert type="warning">{side.error}</Alert>}
                <div className="pictures">
                  {side.images.map((image, index) => (
                    <figure key={image.slice(-64) + String(index)}>
                      <img src={pngUrl(image)} alt={`${side.label}, ${index + 1} of ${side.images.length}`} />
                      <figcaption>
                        <SpaceBetween direction="horizontal" size="s">
                          <a className="link" href={pngUrl(image)} download={`likeness-${index + 1}.png`}>
                            Download
                          </a>
                          <Button
                            variant="inline-link"
                            ariaLabel={`Use as input: ${side.label}, ${index + 1}`}
                            onClick={() => goOnFrom(`drawn-${index + 1}.png`, image)}
                          >
                            Use as input
                          </Button>
                        </SpaceBetween>
                      </figcaption>
                    </figure>
                  ))}
                </div>
                <Box color="text-body-secondary" fontSize="body-s">
                  After {side.seconds.toFixed(1)} s
                </Box>
              </>
            )}
          </SpaceBetween>
        </Container>
      ))}
    </div>
  );
}
