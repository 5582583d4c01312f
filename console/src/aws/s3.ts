import { S3Client } from '@aws-sdk/client-s3';
import { clientPerRegion } from './clients.ts';

export const s3 = clientPerRegion(settings => new S3Client({ ...settings, forcePathStyle: true }));
