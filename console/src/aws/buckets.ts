import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { currentRegion } from '../app/preferences.ts';
import { s3 } from './s3.ts';

/** Makes a bucket in the Region that is shown; us-east-1 has no name as a location. */
export async function createBucket(bucket: string): Promise<void> {
  const region = currentRegion();
  await s3().send(
    new CreateBucketCommand({
      Bucket: bucket,
      ...(region !== 'us-east-1' && { CreateBucketConfiguration: { LocationConstraint: region as never } }),
    }),
  );
}
