import Button from '@cloudscape-design/components/button';
import ContentLayout from '@cloudscape-design/components/content-layout';
import Header from '@cloudscape-design/components/header';
import Modal from '@cloudscape-design/components/modal';
import StatusIndicator from '@cloudscape-design/components/status-indicator';
import { useState } from 'react';
import { type PageRequest, type ResourcePage, ResourceTable } from '../../app/resource-table.tsx';
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

interface TrailPage {
  events: TrailEvent[];
  nextToken?: string;
}

/** The service gives so many at once. */
const MOST_RESULTS = 50;
/** Parts of the trail that are looked through for a page: what was found until then is shown, and there is a next page. */
const MOST_LOOKUPS = 20;

/** A page of the trail. The service finds whole names of operations alone: parts of names are looked for here. */
async function find({ token, filter = '', choice, pageSize }: PageRequest): Promise<ResourcePage<TrailEvent>> {
  const wanted = filter.toLowerCase();
  const rows: TrailEvent[] = [];
  let nextToken = token;
  for (let lookups = 0; lookups < MOST_LOOKUPS && rows.length < pageSize; lookups += 1) {
    const query: Record<string, string> = { maxResults: String(Math.min(MOST_RESULTS, pageSize)) };
    if (nextToken !== undefined) query.nextToken = nextToken;
    if (choice !== undefined) query.readOnly = choice;
    const page = await callRoute<TrailPage>({ method: 'GET', path: '/trail', query });
    rows.push(...page.events.filter(event => wordsOf(event).includes(wanted)));
    ({ nextToken } = page);
    if (nextToken === undefined) break;
  }
  return { rows, nextToken };
}

function wordsOf(event: TrailEvent): string {
  return [event.eventName, serviceOf(event), whoOf(event), event.errorCode ?? ''].join(' ').toLowerCase();
}

function serviceOf({ eventSource }: TrailEvent): string {
  return eventSource.replace('.amazonaws.com', '');
}

function whoOf({ userIdentity }: TrailEvent): string {
  return userIdentity?.userName ?? userIdentity?.arn?.split(':').at(-1) ?? '–';
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
        filterLabel="Find by operation, service, person or error"
        choice={{
          label: 'Calls',
          options: [
            ['false', 'Changes alone'],
            ['true', 'Reads alone'],
          ],
        }}
        selection="single"
        idOf={event => event.eventID}
        load={find}
        columns={[
          { id: 'at', header: 'Time', cell: event => whenExactly(new Date(event.eventTime)) },
          { id: 'name', header: 'Operation', isRowHeader: true, cell: event => event.eventName },
          {
            id: 'source',
            header: 'Service',
            minWidth: 90,
            cell: serviceOf,
          },
          {
            id: 'user',
            header: 'Who',
            minWidth: 80,
            cell: whoOf,
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
