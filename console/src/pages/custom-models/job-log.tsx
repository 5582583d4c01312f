import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import ExpandableSection from '@cloudscape-design/components/expandable-section';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { FaultAlert } from '../../app/fault-alert.tsx';
import { when } from '../../app/show.tsx';
import { callRoute } from '../../aws/clients.ts';
import type { JobProgress } from './job-progress.ts';

interface JobLogProps {
  jobId: string;
  log: JobProgress['log'];
  status: string | undefined;
}

/** Where there are no events: a job that fails before its worker starts has none. */
const WITHOUT_EVENTS: Readonly<Record<string, string>> = {
  InProgress: 'Nothing has happened yet.',
  Stopping: 'Nothing has happened yet.',
  Failed: 'It failed before its training began: the reason stands at the top of this page.',
  Stopped: 'It was stopped before its training began.',
};

/** What happened, and what the worker itself wrote. */
export function JobLog({ jobId, log, status = '' }: JobLogProps) {
  return (
    <Container header={<Header variant="h2">Events</Header>}>
      <SpaceBetween size="m">
        {log.length === 0 ? (
          <Box color="text-body-secondary">{WITHOUT_EVENTS[status] ?? 'No events are kept.'}</Box>
        ) : (
          // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
          <ol className="job-log" tabIndex={0} aria-label="Events">
            {log.toReversed().map(({ at, text }, index) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: lines are only ever added
              <li key={log.length - index}>
                <time dateTime={at}>{when(new Date(at))}</time>
                <span>{text}</span>
              </li>
            ))}
          </ol>
        )}
        <WorkerLog jobId={jobId} />
      </SpaceBetween>
    </Container>
  );
}

function WorkerLog({ jobId }: { jobId: string }) {
  const [isOpen, setIsOpen] = useState(false);
  const { data, error, isFetching, refetch } = useQuery({
    queryKey: ['job-log', jobId],
    enabled: isOpen,
    queryFn: () => callRoute<{ attempt: number; log: string }>({ method: 'GET', path: `/jobs/${jobId}/log` }),
  });
  return (
    <ExpandableSection
      headerText="The worker’s log"
      headerDescription="What the newest attempt wrote, for whoever looks for a fault."
      expanded={isOpen}
      onChange={({ detail }) => setIsOpen(detail.expanded)}
    >
      <SpaceBetween size="s">
        {error && <FaultAlert error={error} />}
        {data && (
          // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
          <pre className="code" tabIndex={0}>
            {data.log === '' ? 'It wrote nothing.' : data.log}
          </pre>
        )}
        <Button iconName="refresh" loading={isFetching} onClick={() => refetch()}>
          Read again
        </Button>
      </SpaceBetween>
    </ExpandableSection>
  );
}
