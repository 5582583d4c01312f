import Button from '@cloudscape-design/components/button';
import ContentLayout from '@cloudscape-design/components/content-layout';
import Header from '@cloudscape-design/components/header';
import Modal from '@cloudscape-design/components/modal';
import StatusIndicator from '@cloudscape-design/components/status-indicator';
import { useState } from 'react';
import { ResourceTable } from '../../app/resource-table.tsx';
import { whenExactly } from '../../app/show.tsx';
import { callRoute } from '../../aws/clients.ts';
import { JsonText } from '../iam/json-text.tsx';

/** As CloudTrail tells it. */
interface TrailEvent {
  eventID: string;
  eventTime: string;
  eventName: string;
  eventSource: string;
  sourceIPAddress?: string;
  errorCode?: string;
  userIdentity?: { userName?: string; arn?: string };
}

export default function AuditTrailPage() {
  const [shown, setShown] = useState<TrailEvent>();
  return (
    <ContentLayout
      header={
        <Header variant="h1" description="What was called in this account and Region, by whom, and how it ended.">
          Audit trail
        </Header>
      }
    >
      <ResourceTable<TrailEvent>
        name="Events"
        queryKey={['trail']}
        filterLabel="Find by the exact name of an operation"
        selection="single"
        idOf={event => event.eventID}
        load={async ({ token, filter, pageSize }) => {
          const query: Record<string, string> = { maxResults: String(pageSize) };
          if (token !== undefined) query.nextToken = token;
          if (filter !== undefined) query.eventName = filter;
          const answer = await callRoute<{ events: TrailEvent[]; nextToken?: string }>({
            method: 'GET',
            path: '/trail',
            query,
          });
          return { rows: answer.events, nextToken: answer.nextToken };
        }}
        columns={[
          { id: 'at', header: 'Time', cell: event => whenExactly(new Date(event.eventTime)) },
          { id: 'name', header: 'Operation', isRowHeader: true, cell: event => event.eventName },
          {
            id: 'source',
            header: 'Service',
            minWidth: 90,
            cell: event => event.eventSource.replace('.amazonaws.com', ''),
          },
          {
            id: 'user',
            header: 'Who',
            minWidth: 80,
            cell: event => event.userIdentity?.userName ?? event.userIdentity?.arn?.split(':').at(-1) ?? '–',
          },
          { id: 'from', header: 'From', cell: event => event.sourceIPAddress ?? '–' },
          {
            id: 'result',
            header: 'Result',
            cell: event =>
              event.errorCode ? (
                <StatusIndicator type="error">{event.errorCode}</StatusIndicator>
              ) : (
                <StatusIndicator type="success">Done</StatusIndicator>
              ),
          },
        ]}
        actions={([event]) => (
          <Button disabled={!event} onClick={() => setShown(event)}>
            View event
          </Button>
        )}
        empty={{ text: 'Nothing was called.' }}
      />
      {shown && (
        <Modal
          visible
          size="large"
          onDismiss={() => setShown(undefined)}
          closeAriaLabel="Close"
          header={shown.eventName}
        >
          <JsonText text={JSON.stringify(shown)} />
        </Modal>
      )}
    </ContentLayout>
  );
}
