import Alert from '@cloudscape-design/components/alert';
import Button from '@cloudscape-design/components/button';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { notify } from '../../app/notices.ts';
import { type CaptionOffer, remember, setCaptions } from './draft.ts';

interface CaptionsBroughtProps {
  draftKey: string;
  offer: CaptionOffer;
  close(): void;
}

/** What became of captions that were brought to pictures that are here, and the question where another one stands. */
export function CaptionsBrought({ draftKey, offer, close }: CaptionsBroughtProps) {
  const { missing, differing, strangerCount } = offer;

  function replace(): void {
    remember(draftKey);
    setCaptions(draftKey, differing);
    notify('info', `${captionsOf(differing.size)} replaced.`);
    close();
  }

  const said = [
    ...(missing.size > 0 ? [`${captionsOf(missing.size)} taken.`] : []),
    ...(strangerCount > 0
      ? [`${captionsOf(strangerCount)} ${strangerCount === 1 ? 'names' : 'name'} no picture that is here.`]
      : []),
  ];
  if (differing.size === 0)
    return (
      <Alert type="info" dismissible dismissAriaLabel="Close" onDismiss={close}>
        {said.length > 0 ? said.join(' ') : 'These captions stand here already: nothing was changed.'}
      </Alert>
    );
  return (
    <Alert
      type="warning"
      header={`${captionsOf(differing.size)} ${differing.size === 1 ? 'is' : 'are'} there already: replace?`}
      action={
        <SpaceBetween direction="horizontal" size="xs">
          <Button onClick={replace}>Replace {differing.size === 1 ? 'it' : 'them'}</Button>
          <Button onClick={close}>Keep what is there</Button>
        </SpaceBetween>
      }
    >
      {['What was brought says something else of these pictures.', ...said].join(' ')}
    </Alert>
  );
}

function captionsOf(count: number): string {
  return `${count} ${count === 1 ? 'caption' : 'captions'}`;
}
