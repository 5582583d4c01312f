import { ListModelCustomizationJobsCommand, ListProvisionedModelThroughputsCommand } from '@aws-sdk/client-bedrock';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import ColumnLayout from '@cloudscape-design/components/column-layout';
import Container from '@cloudscape-design/components/container';
import ContentLayout from '@cloudscape-design/components/content-layout';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useQuery } from '@tanstack/react-query';
import { FaultAlert } from '../../app/fault-alert.tsx';
import { hrefOf } from '../../app/router.ts';
import { Status, To, when } from '../../app/show.tsx';
import { bedrock } from '../../aws/bedrock.ts';
import { jobPath } from '../custom-models/paths.ts';
import { Machine } from './machine.tsx';
import { Month } from './month.tsx';
import { Tour } from './tour.tsx';

const REFRESH_MILLISECONDS = 10_000;

export default function OverviewPage() {
  return (
    <ContentLayout
      header={
        <Header
          variant="h1"
          description="Teach an image model your dog, your product or your brand from a few dozen captioned pictures."
          actions={
            <Button variant="primary" href={hrefOf('/custom-models/create')}>
              Create fine-tuning job
            </Button>
          }
        >
          Overview
        </Header>
      }
    >
      <SpaceBetween size="l">
        <Tour />
        <RecentJobs />
        <Month />
        <ColumnLayout columns={2}>
          <Capacity />
          <Machine />
        </ColumnLayout>
      </SpaceBetween>
    </ContentLayout>
  );
}

function RecentJobs() {
  const { data, error, isPending, refetch } = useQuery({
    queryKey: ['jobs', 'recent'],
    queryFn: () => bedrock().send(new ListModelCustomizationJobsCommand({ maxResults: 5 })),
    refetchInterval: REFRESH_MILLISECONDS,
  });
  if (error) return <FaultAlert error={error} retry={() => refetch()} />;
  const jobs = data?.modelCustomizationJobSummaries ?? [];
  return (
    <Container
      header={
        <Header variant="h2" actions={<Button href={hrefOf('/custom-models?tab=jobs')}>All jobs</Button>}>
          Recent training jobs
        </Header>
      }
    >
      {jobs.length === 0 ? (
        <Box color="text-body-secondary">{isPending ? 'Loading jobs' : 'No training jobs yet.'}</Box>
      ) : (
        // The library's table would be half of what this page loads.
        <table className="plain-table" aria-label="Recent training jobs">
          <thead>
            <tr>
              <th scope="col">Job name</th>
              <th scope="col">Status</th>
              <th scope="col">Creation time</th>
            </tr>
          </thead>
          <tbody>
            {jobs.map(job => (
              <tr key={job.jobArn}>
                <th scope="row">
                  <To to={jobPath(job.jobName)}>{job.jobName ?? ''}</To>
                </th>
                <td>
                  <Status status={job.status} />
                </td>
                <td>{when(job.creationTime)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Container>
  );
}

function Capacity() {
  const { data, error } = useQuery({
    queryKey: ['throughputs', 'recent'],
    queryFn: () => bedrock().send(new ListProvisionedModelThroughputsCommand({ maxResults: 5 })),
    refetchInterval: REFRESH_MILLISECONDS,
  });
  const rows = data?.provisionedModelSummaries ?? [];
  return (
    <Container
      header={
        <Header variant="h2" actions={<Button href={hrefOf('/provisioned-throughput')}>All</Button>}>
          Provisioned Throughput
        </Header>
      }
    >
      {error ? (
        <FaultAlert error={error} />
      ) : rows.length === 0 ? (
        <Box color="text-body-secondary">None. Base models answer on demand without it.</Box>
      ) : (
        <SpaceBetween size="xs">
          {rows.map(row => (
            <SpaceBetween key={row.provisionedModelArn} direction="horizontal" size="s">
              <Status status={row.status} />
              <Box>
                {row.provisionedModelName}, {row.modelUnits} {row.modelUnits === 1 ? 'unit' : 'units'}
              </Box>
            </SpaceBetween>
          ))}
        </SpaceBetween>
      )}
    </Container>
  );
}
