import {
  type CustomModelDeploymentSummary,
  DeleteCustomModelDeploymentCommand,
  GetCustomModelDeploymentCommand,
  ListCustomModelDeploymentsCommand,
} from '@aws-sdk/client-bedrock';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import ButtonDropdown from '@cloudscape-design/components/button-dropdown';
import ContentLayout from '@cloudscape-design/components/content-layout';
import Header from '@cloudscape-design/components/header';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { ConfirmDelete } from '../../app/confirm-delete.tsx';
import { byCreationTime, ResourceTable } from '../../app/resource-table.tsx';
import { navigate } from '../../app/router.ts';
import { Status, statusChoice, when } from '../../app/show.tsx';
import { bedrock } from '../../aws/bedrock.ts';
import { SourceModel } from '../custom-models/source-model.tsx';
import { DeployOnDemand } from './deploy.tsx';
import { EditDeployment } from './edit.tsx';

const REFRESH_MILLISECONDS = 3000;

/** Custom models that answer on demand. */
export default function DeploymentsPage() {
  const queries = useQueryClient();
  const [creating, setCreating] = useState(false);
  const [editing, setEditing] = useState<CustomModelDeploymentSummary>();
  const [deleting, setDeleting] = useState<CustomModelDeploymentSummary>();
  const reload = () => queries.invalidateQueries({ queryKey: ['deployments'] });
  return (
    <ContentLayout
      header={
        <Header
          variant="h1"
          description="Custom models that answer on demand: they share a process with others of their base, and take no capacity while nobody asks."
        >
          Custom model deployments
        </Header>
      }
    >
      <ResourceTable<CustomModelDeploymentSummary>
        name="Deployments"
        queryKey={['deployments']}
        filterLabel="Find deployments by name"
        orderedBy="created"
        selection="single"
        choice={statusChoice('Creating', 'Active', 'Failed')}
        idOf={row => row.customModelDeploymentName ?? ''}
        isChanging={row => row.status === 'Creating'}
        load={async request => {
          const answer = await bedrock().send(new ListCustomModelDeploymentsCommand(byCreationTime(request)));
          return { rows: answer.modelDeploymentSummaries ?? [], nextToken: answer.nextToken };
        }}
        columns={[
          { id: 'name', header: 'Name', isRowHeader: true, cell: row => row.customModelDeploymentName },
          { id: 'status', header: 'Status', cell: row => <DeploymentStatus row={row} changed={reload} /> },
          { id: 'model', header: 'Custom model', cell: row => <SourceModel arn={row.modelArn} /> },
          { id: 'created', header: 'Creation time', sortingField: 'createdAt', cell: row => when(row.createdAt) },
          { id: 'updated', header: 'Last updated', cell: row => when(row.lastUpdatedAt) },
        ]}
        actions={([row]) => (
          <>
            <ButtonDropdown
              disabled={!row}
              items={[
                { id: 'playground', text: 'Open in Image playground', disabled: row?.status !== 'Active' },
                { id: 'edit', text: 'Edit' },
                { id: 'delete', text: 'Delete' },
              ]}
              onItemClick={({ detail }) => {
                if (detail.id === 'edit') setEditing(row);
                else if (detail.id === 'delete') setDeleting(row);
                else navigate(`/image-playground?model=${encodeURIComponent(row?.customModelDeploymentArn ?? '')}`);
              }}
            >
              Actions
            </ButtonDropdown>
            <Button variant="primary" onClick={() => setCreating(true)}>
              Deploy for on-demand
            </Button>
          </>
        )}
        empty={{
          text: 'No deployments. A custom model needs one, or Provisioned Throughput, before it can draw.',
          action: <Button onClick={() => setCreating(true)}>Deploy for on-demand</Button>,
        }}
      />
      {creating && <DeployOnDemand deployed={reload} close={() => setCreating(false)} />}
      {editing && <EditDeployment deployment={editing} close={() => setEditing(undefined)} />}
      {deleting && (
        <ConfirmDelete
          what="deployment"
          name={deleting.customModelDeploymentName ?? ''}
          consequence="Requests to it fail from then on; the custom model itself stays."
          remove={() =>
            bedrock().send(
              new DeleteCustomModelDeploymentCommand({
                customModelDeploymentIdentifier: deleting.customModelDeploymentArn,
              }),
            )
          }
          removed={reload}
          close={() => setDeleting(undefined)}
        />
      )}
    </ContentLayout>
  );
}

interface DeploymentStatusProps {
  row: CustomModelDeploymentSummary;
  /** An update has ended: the row says another model now. */
  changed(): void;
}

/** The list does not say whether an active deployment is being updated: each is asked for itself. */
function DeploymentStatus({ row, changed }: DeploymentStatusProps) {
  const { customModelDeploymentArn: arn, lastUpdatedAt, status } = row;
  const { data } = useQuery({
    queryKey: ['deployments', 'one', arn, String(lastUpdatedAt)],
    enabled: status === 'Active',
    async queryFn() {
      const command = new GetCustomModelDeploymentCommand({ customModelDeploymentIdentifier: arn });
      const { updateDetails, modelArn } = await bedrock().send(command);
      if (updateDetails?.updateStatus !== 'Updating' && modelArn !== row.modelArn) changed();
      return updateDetails ?? null;
    },
    refetchInterval: query => (query.state.data?.updateStatus === 'Updating' ? REFRESH_MILLISECONDS : false),
  });
  if (data?.updateStatus === 'Updating') return <Status status="Updating" />;
  return (
    <div className={row.failureMessage || data ? 'wrapped' : undefined}>
      <Status status={status} />
      {row.failureMessage && <Box fontSize="body-s">{row.failureMessage}</Box>}
      {data?.updateStatus === 'UpdateFailed' && (
        <Box fontSize="body-s">Its last update failed; it answers with the model before.</Box>
      )}
    </div>
  );
}
