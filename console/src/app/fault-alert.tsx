import Alert from '@cloudscape-design/components/alert';
import Button from '@cloudscape-design/components/button';
import { useEffect } from 'react';
import { connectionLost } from './connection.ts';

const NO_ANSWER = 'No answer';

interface Problem {
  name: string;
  message: string;
}

/** What went wrong, in the service's own words: its messages say what to do. */
export function problemOf(error: unknown): Problem {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error) };
  if (error instanceof TypeError && /fetch/i.test(error.message))
    return {
      name: NO_ANSWER,
      message: 'The service does not answer. Is it still running? Nothing you typed is lost.',
    };
  return { name: error.name, message: error.message };
}

/** Whether a request did not arrive at all. */
export function isLost(error: unknown): boolean {
  return problemOf(error).name === NO_ANSWER;
}

const TITLES: Readonly<Record<string, string>> = {
  AccessDeniedException: 'You may not do this',
  AccessDenied: 'You may not do this',
  ValidationException: 'This was not accepted',
  ValidationError: 'This was not accepted',
  ResourceNotFoundException: 'There is no such resource',
  NoSuchEntity: 'There is no such resource',
  NoSuchBucket: 'There is no such bucket',
  ServiceQuotaExceededException: 'A limit is reached',
  ThrottlingException: 'Too many requests at once',
  ModelNotReadyException: 'The model is being loaded',
  [NO_ANSWER]: 'The service does not answer',
};

export function FaultAlert({ error, retry }: { error: unknown; retry?: () => void }) {
  const { name, message } = problemOf(error);
  useEffect(() => {
    if (name === NO_ANSWER) connectionLost();
  }, [name]);
  return (
    <Alert
      type="error"
      header={TITLES[name] ?? name}
      action={retry && <Button onClick={retry}>Try again</Button>}
      data-testid="fault"
    >
      {message}
    </Alert>
  );
}
