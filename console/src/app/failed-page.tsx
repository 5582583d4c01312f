import ContentLayout from '@cloudscape-design/components/content-layout';
import Header from '@cloudscape-design/components/header';
import { FaultAlert } from './fault-alert.tsx';

/** The page of a resource that could not be read: what it is of, and why. */
export function FailedPage({ title, error, retry }: { title: string; error: unknown; retry(): void }) {
  return (
    <ContentLayout header={<Header variant="h1">{title}</Header>}>
      <FaultAlert error={error} retry={retry} />
    </ContentLayout>
  );
}
