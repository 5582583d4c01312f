import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import { useEffect } from 'react';
import { connectionLost } from './connection.ts';
import { isDenial, titleOfCode } from './fault-titles.ts';

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

interface FaultAlertProps {
  error: unknown;
  retry?: () => void;
  /** Where nobody is signed in yet, a denial is not about rights. */
  deniedTitle?: string;
}

export function FaultAlert({ error, retry, deniedTitle }: FaultAlertProps) {
  const { name, message } = problemOf(error);
  useEffect(() => {
    if (name === NO_ANSWER) connectionLost();
  }, [name]);
  const title = name === NO_ANSWER ? 'The service does not answer' : titleOfCode(name);
  return (
    <Alert
      type="error"
      header={deniedTitle !== undefined && isDenial(name) ? deniedTitle : title}
      action={retry && <Button onClick={retry}>Try again</Button>}
      data-testid="fault"
    >
      {message}
      {/* For a search, and for whoever is asked for help. */}
      {name !== NO_ANSWER && name !== 'Error' && (
        <Box color="text-body-secondary" fontSize="body-s">
          {name}
        </Box>
      )}
    </Alert>
  );
}
