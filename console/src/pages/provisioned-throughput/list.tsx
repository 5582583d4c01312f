import {
  DeleteProvisionedModelThroughputCommand,
  ListProvisionedModelThroughputsCommand,
  type ProvisionedModelSummary,
} from '@aws-sdk/client-bedrock';
import Button from '@cloudscape-design/components/button';
import ButtonDropdown from '@cloudscape-design/components/button-dropdown';
import ContentLayout from '@cloudscape-design/components/content-layout';
import Header from '@cloudscape-design/components/header';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { ConfirmDelete } from '../../app/confirm-delete.tsx';
import { byCreationTime, ResourceTable } from '../../app/resource-table.tsx';
import { hrefOf, navigate } from '../../app/router.ts';
import { Status, statusChoice, when } from '../../app/show.tsx';
import { bedrock } from '../../aws/bedrock.ts';
import { SourceModel } from '../custom-models/source-model.tsx';
import { EditThroughput } from './edit.tsx';

export const terms: Readonly<Record<string, string>> = { OneMonth: '1 month', SixMonths: '6 months' };

export default function ProvisionedThroughputPage() {
  const queries = useQueryClient();
  const [deleting, setDeleting] = useState<ProvisionedModelSummary>();
  const [editing, setEditing] = useState<ProvisionedModelSummary>();
  const reload = () => queries.invalidateQueries({ queryKey: ['throughputs'] });
  return (
    <ContentLayout
      header={
        <Header variant="h1" description="Capacity of your own: each model unit is a process that holds the model.">
          Provisioned Throughput
        </Header>
      }
    >
      <ResourceTable<ProvisionedModelSummary>
        name="Provisioned Throughput"
        queryKey={['throughputs']}
        filterLabel="Find by name"
        orderedBy="created"
        choice={statusChoice('Creating', 'InService', 'Updating', 'Failed')}
        selection="single"
        idOf={row => row.provisionedModelName ?? ''}
        isChanging={row => row.status === 'Creating' || row.status === 'Updating'}
        load={async request => {
          const answer = await bedrock().send(new ListProvisionedModelThroughputsCommand(byCreationTime(request)));
          return { rows: answer.provisionedModelSummaries ?? [], nextToken: answer.nextToken };
        }}
        columns={[
          { id: 'name', header: 'Name', isRowHeader: true, cell: row => row.provisionedModelName },
          { id: 'status', header: 'Status', cell: row => <Status status={row.status} /> },
          { id: 'model', header: 'Model', cell: row => <SourceModel arn={row.modelArn} /> },
          { id: 'units', header: 'Model units', cell: row => row.modelUnits },
          {
            id: 'term',
            header: 'Commitment term',
            cell: row => terms[row.commitmentDuration ?? ''] ?? 'No commitment',
          },
          { id: 'created', header: 'Creation time', sortingField: 'creationTime', cell: row => when(row.creationTime) },
        ]}
        actions={([row]) => (
          <>
            <ButtonDropdown
              disabled={!row}
              items={[
                { id: 'playground', text: 'Open in Image playground', disabled: row?.status !== 'InService' },
                { id: 'edit', text: 'Edit' },
                { id: 'delete', text: 'Delete' },
              ]}
              onItemClick={({ detail }) => {
                if (detail.id === 'edit') setEditing(row);
                else if (detail.id === 'delete') setDeleting(row);
                else navigate(`/image-playground?model=${encodeURIComponent(row?.provisionedModelArn ?? '')}`);
              }}
            >
              Actions
            </ButtonDropdown>
            <Button variant="primary" href={hrefOf('/provisioned-throughput/create')}>
              Purchase Provisioned Throughput
            </Button>
          </>
        )}
        empty={{
          text: 'No Provisioned Throughput. A custom model needs it, or a deployment on demand, before it can draw.',
          action: <Button href={hrefOf('/provisioned-throughput/create')}>Purchase Provisioned Throughput</Button>,
        }}
      />
      {deleting && (
        <ConfirmDelete
          what="Provisioned Throughput"
          name={deleting.provisionedModelName ?? ''}
          consequence="Its units finish the requests in hand and end. Requests to it fail from then on; the model itself stays."
          remove={() =>
            bedrock().send(
              new DeleteProvisionedModelThroughputCommand({ provisionedModelId: deleting.provisionedModelArn }),
            )
          }
          removed={reload}
          close={() => setDeleting(undefined)}
        />
      )}
      {editing && <EditThroughput throughput={editing} changed={reload} close={() => setEditing(undefined)} />}
    </ContentLayout>
  );
}
