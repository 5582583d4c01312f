import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { hrefOf } from '../../app/router.ts';

const steps = [
  { text: 'Bring pictures of one subject, and say what each shows', action: 'Create data set', to: '/data-sets/edit' },
  { text: 'Teach a model with them', action: 'Create fine-tuning job', to: '/custom-models/create' },
  { text: 'Watch it learn', action: 'Training jobs', to: '/custom-models?tab=jobs' },
  {
    text: 'Give the new model capacity',
    action: 'Purchase Provisioned Throughput',
    to: '/provisioned-throughput/create',
  },
  { text: 'Draw with it', action: 'Image playground', to: '/image-playground' },
];

/** The whole flow in five steps. */
export function Tour() {
  return (
    <Container
      header={
        <Header
          variant="h2"
          description="No pictures at hand? Begin with the sample of Ron the dog and Smila the cat."
          actions={
            <SpaceBetween direction="horizontal" size="xs">
              <Button variant="link" href={hrefOf('/guides/first-model')}>
                Read how
              </Button>
              <Button href={hrefOf('/data-sets/edit?sample=yes')}>Take the sample</Button>
            </SpaceBetween>
          }
        >
          From pictures to a model of your own
        </Header>
      }
    >
      <ol className="tour">
        {steps.map(({ text, action, to }) => (
          <li key={to}>
            <SpaceBetween size="xxs">
              <Box>{text}</Box>
              <Button variant="inline-link" href={hrefOf(to)}>
                {action}
              </Button>
            </SpaceBetween>
          </li>
        ))}
      </ol>
    </Container>
  );
}
