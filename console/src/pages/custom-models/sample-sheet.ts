import { ListObjectsV2Command } from '@aws-sdk/client-s3';
import { useQuery } from '@tanstack/react-query';
import { readObject } from '../../app/object-image.tsx';
import { lastOf } from '../../app/show.tsx';
import { callRoute, openRoute } from '../../aws/clients.ts';
import { s3 } from '../../aws/s3.ts';
import { placeOf } from '../../aws/s3-uri.ts';

export interface Sample {
  step: number;
  /** Its number among the prompts. */
  prompt: number;
  seed: number;
  load(signal: AbortSignal): Promise<Blob>;
}

/** What a job drew along its steps, always with the same prompts and seeds. */
export interface SampleSheet {
  /** Empty where only the pictures are left. */
  prompts: readonly string[];
  samples: readonly Sample[];
}

interface SampleSource {
  jobArn: string | undefined;
  /** Where the job left its samples in S3, once it is completed. */
  outputUri: string | undefined;
  /** Asked again with each other value: how many evaluations there were, and whether more may come. */
  version: string;
}

export function useSampleSheet({ jobArn, outputUri, version }: SampleSource) {
  return useQuery({
    queryKey: ['samples', jobArn, version],
    enabled: jobArn !== undefined,
    // The pictures stay while the next ones come.
    placeholderData: (before, query) => (query?.queryKey[1] === jobArn ? before : undefined),
    queryFn: () => readSheet(lastOf(jobArn), outputUri ?? ''),
  });
}

/** From the service, or from the bucket once the service keeps them no more. */
async function readSheet(jobId: string, outputUri: string): Promise<SampleSheet> {
  const path = `/jobs/${jobId}/samples`;
  const kept = await callRoute<{
    status: string;
    prompts: string[];
    samples: { step: number; prompt: number; seed: number }[];
  }>({ method: 'GET', path });
  if (kept.samples.length === 0 && kept.status === 'Completed') return sheetInBucket(jobId, outputUri);
  return {
    prompts: kept.prompts,
    samples: kept.samples.map(sample => ({
      ...sample,
      async load(signal) {
        const { step, prompt, seed } = sample;
        return (await openRoute({ method: 'GET', path: `${path}/${step}/${prompt}/${seed}`, signal })).blob();
      },
    })),
  };
}

async function sheetInBucket(jobId: string, outputUri: string): Promise<SampleSheet> {
  const { bucket, key } = placeOf(outputUri);
  const folder = key === '' ? '' : `${key.replace(/\/$/, '')}/`;
  const prefix = `${folder}model-customization-job-${jobId}/validation_artifacts/samples/`;
  const { Contents = [] } = await s3().send(new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix }));
  const samples = Contents.flatMap(({ Key = '' }): Sample[] => {
    const [, step, prompt, seed] = /step-(\d+)\/prompt-(\d+)-seed-(\d+)\.png$/.exec(Key) ?? [];
    if (seed === undefined) return [];
    return [
      {
        step: Number(step),
        prompt: Number(prompt),
        seed: Number(seed),
        load: signal => readObject(bucket, Key, signal),
      },
    ];
  });
  return { prompts: [], samples };
}
