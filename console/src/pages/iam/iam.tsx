import ContentLayout from '@cloudscape-design/components/content-layout';
import Header from '@cloudscape-design/components/header';
import Tabs from '@cloudscape-design/components/tabs';
import { navigate, usePlace } from '../../app/router.ts';
import { PoliciesTable } from './policies.tsx';
import { RolesTable } from './roles.tsx';
import { UsersTable } from './users.tsx';

/** Who may do what. */
export default function IamPage() {
  const { query } = usePlace();
  return (
    <ContentLayout
      header={
        <Header variant="h1" description="Users, the roles that jobs work with, and the policies of both.">
          IAM
        </Header>
      }
    >
      <Tabs
        activeTabId={query.get('tab') ?? 'users'}
        onChange={({ detail }) => navigate(`/iam?tab=${detail.activeTabId}`, { replace: true })}
        tabs={[
          { id: 'users', label: 'Users', content: <UsersTable /> },
          { id: 'roles', label: 'Roles', content: <RolesTable /> },
          { id: 'policies', label: 'Policies', content: <PoliciesTable /> },
        ]}
      />
    </ContentLayout>
  );
}
