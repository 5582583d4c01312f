import Box from '@cloudscape-design/components/box';
import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import StatusIndicator from '@cloudscape-design/components/status-indicator';
import { useQuery } from '@tanstack/react-query';
import { FaultAlert } from '../../app/fault-alert.tsx';
import { size } from '../../app/show.tsx';
import { callRoute } from '../../aws/clients.ts';

interface Doctor {
  version: string;
  freeDiskBytes: number;
  memoryBytes: number;
  sandboxProblem: string | null;
  modelUnitCapacity: number;
  trainingSlots: number;
  warnings: string[];
}

const REFRESH_MILLISECONDS = 10_000;

/** The doctor's findings about the machine that the service runs on. */
export function Machine() {
  const { data, error } = useQuery({
    queryKey: ['doctor'],
    queryFn: () => callRoute<Doctor>({ method: 'GET', path: '/doctor' }),
    refetchInterval: REFRESH_MILLISECONDS,
  });
  return (
    <Container header={<Header variant="h2">This installation</Header>}>
      {error && <FaultAlert error={error} />}
      {data && (
        <SpaceBetween size="xs">
          <Box>
            Version {data.version}; {size(data.freeDiskBytes)} of disk free; {size(data.memoryBytes)} of memory
          </Box>
          <Box>
            Trains {data.trainingSlots} {data.trainingSlots === 1 ? 'job' : 'jobs'} at once; runs up to{' '}
            {data.modelUnitCapacity} model units
          </Box>
          {data.warnings.length === 0 ? (
            <StatusIndicator type="success">Nothing is wrong</StatusIndicator>
          ) : (
            data.warnings.map(warning => (
              <StatusIndicator key={warning} type="warning">
                {warning}
              </StatusIndicator>
            ))
          )}
        </SpaceBetween>
      )}
    </Container>
  );
}
