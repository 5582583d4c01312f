import Alert from '@cloudscape-design/components/alert';
import { lastOf, To } from '../../app/show.tsx';
import { useDataErrors } from './data-errors.tsx';
import { withoutRecords } from './failure-message.ts';

interface JobFailureProps {
  message: string;
  roleArn: string | undefined;
  jobId: string;
}

/** Why a job failed, in its own words; where its role lacked a permission, which one and where to give it. */
export function JobFailure({ message, roleArn, jobId }: JobFailureProps) {
  const areRecordsListed = Boolean(useDataErrors(jobId).data?.count);
  const [, operation, bucket, key] =
    /Could not validate (\w+) permissions to access (?:Amazon )?S3 bucket: (\S+) at key ([^;]+?)(?=[:;]|$)/.exec(
      message,
    ) ?? [];
  // A missing object or bucket is said with the same words and a reason after them.
  const isMissing = /at key [^;]*: (it|the bucket) does not exist/.test(message);
  return (
    <Alert type="error" header="The job failed">
      <p className="failure">{areRecordsListed ? withoutRecords(message) : message}</p>
      {operation !== undefined && !isMissing && (
        <p className="failure">
          The service role {lastOf(roleArn)} must be allowed s3:{operation} on arn:aws:s3:::{bucket}/{key}.{' '}
          <To to="/iam?tab=roles">Give it a policy</To>, then create the job again.
        </p>
      )}
    </Alert>
  );
}
