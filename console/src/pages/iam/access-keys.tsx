import {
  type AccessKeyMetadata,
  DeleteAccessKeyCommand,
  ListAccessKeysCommand,
  UpdateAccessKeyCommand,
} from '@aws-sdk/client-iam';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Modal from '@cloudscape-design/components/modal';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Table from '@cloudscape-design/components/table';
import { useMutation, useQuery } from '@tanstack/react-query';
import { FaultAlert } from '../../app/fault-alert.tsx';
import { Status, when } from '../../app/show.tsx';
import { iam } from '../../aws/iam.ts';

/** The keys of a user: switched off and on; one that is off can be deleted. */
export function AccessKeys({ userName, close }: { userName: string; close(): void }) {
  const { data, error, isPending, refetch } = useQuery({
    queryKey: ['access-keys', userName],
    queryFn: () => iam().send(new ListAccessKeysCommand({ UserName: userName })),
  });
  const change = useMutation({
    mutationFn: ({ AccessKeyId, Status: now }: AccessKeyMetadata) =>
      iam().send(
        new UpdateAccessKeyCommand({
          UserName: userName,
          AccessKeyId,
          Status: now === 'Active' ? 'Inactive' : 'Active',
        }),
      ),
    onSuccess: () => refetch(),
  });
  const remove = useMutation({
    mutationFn: ({ AccessKeyId }: AccessKeyMetadata) =>
      iam().send(new DeleteAccessKeyCommand({ UserName: userName, AccessKeyId })),
    onSuccess: () => refetch(),
  });
  const problem = error ?? change.error ?? remove.error;
  return (
    <Modal visible size="large" onDismiss={close} closeAriaLabel="Close" header={`Access keys of ${userName}`}>
      <SpaceBetween size="m">
        {problem && <FaultAlert error={problem} />}
        <Table<AccessKeyMetadata>
          variant="embedded"
          ariaLabels={{ tableLabel: 'Access keys' }}
          loading={isPending}
          loadingText="Loading access keys"
          items={data?.AccessKeyMetadata ?? []}
          columnDefinitions={[
            {
              id: 'id',
              header: 'Access key',
              isRowHeader: true,
              cell: key => (
                <>
                  {key.AccessKeyId}
                  <Box color="text-body-secondary" fontSize="body-s">
                    Created {when(key.CreateDate)}
                  </Box>
                  <Status status={key.Status} />
                </>
              ),
            },
            {
              id: 'actions',
              header: 'Actions',
              cell: key => (
                <SpaceBetween direction="horizontal" size="xs">
                  <Button variant="inline-link" onClick={() => change.mutate(key)}>
                    {key.Status === 'Active' ? 'Deactivate' : 'Activate'}
                  </Button>
                  {key.Status !== 'Active' && (
                    <Button variant="inline-link" onClick={() => remove.mutate(key)}>
                      Delete
                    </Button>
                  )}
                </SpaceBetween>
              ),
            },
          ]}
          empty="No access keys."
        />
      </SpaceBetween>
    </Modal>
  );
}
