import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import { useQuery } from '@tanstack/react-query';
import { callRoute } from '../aws/clients.ts';

const REFRESH_MILLISECONDS = 5000;

/** Why an unfinished job stands still, which AWS's operations have no member for; undefined: it does not. */
function useWaitReason(jobArn: string | undefined): string | undefined {
  const { data } = useQuery({
    queryKey: ['waiting-jobs'],
    queryFn: () =>
      callRoute<{ waitingJobs: { jobArn: string; reason: string }[] }>({ method: 'GET', path: '/waiting-jobs' }),
    // Who may not ask is told by nothing else on the page either.
    refetchInterval: query => (query.state.error ? false : REFRESH_MILLISECONDS),
  });
  return data?.waitingJobs.find(job => job.jobArn === jobArn)?.reason;
}

interface WaitingProps {
  jobArn: string | undefined;
}

/** For the page of an unfinished job. */
export function WaitingAlert({ jobArn }: WaitingProps) {
  const reason = useWaitReason(jobArn);
  return (
    reason && (
      <Alert type="warning" header="The job waits">
        {reason}
      </Alert>
    )
  );
}

/** For its row in a list. */
export function WaitingNote({ jobArn }: WaitingProps) {
  const reason = useWaitReason(jobArn);
  return reason && <Box fontSize="body-s">{reason}</Box>;
}
