import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CreateBucketCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { readCaptions } from '../captions.ts';
import { CliFailure } from '../failure.ts';
import type { DemoClients } from './clients.ts';
import type { Progress } from './progress.ts';

export interface SampleImage {
  file: string;
  caption: string;
  path: string;
}

/** The captioned pictures that come with the project. */
export function sampleImages(folder: string): SampleImage[] {
  const captions = join(folder, 'captions.jsonl');
  try {
    const present = new Set(readdirSync(folder));
    return readCaptions(readFileSync(captions, 'utf8'), captions)
      .filter(({ file }) => present.has(file))
      .map(({ file, caption }) => ({ file, caption, path: join(folder, file) }));
  } catch (error) {
    throw new CliFailure(`the sample pictures are not in ${folder}: ${(error as Error).message}`);
  }
}

/** Puts the pictures and their train.jsonl into a new bucket. @returns the manifest's URI */
export async function uploadSamples(
  { s3 }: DemoClients,
  bucket: string,
  images: readonly SampleImage[],
  progress: Progress,
): Promise<string> {
  await s3.send(new CreateBucketCommand({ Bucket: bucket }));
  for (const [index, { file, path }] of images.entries()) {
    await s3.send(
      new PutObjectCommand({
        Bucket: bucket,
        Key: `data/${file}`,
        Body: readFileSync(path),
        ContentType: file.endsWith('.png') ? 'image/png' : 'image/jpeg',
      }),
    );
    progress.update(index + 1, images.length);
  }
  const lines = images.map(({ file, caption }) =>
    JSON.stringify({ 'image-ref': `s3://${bucket}/data/${file}`, caption }),
  );
  await s3.send(
    new PutObjectCommand({
      Bucket: bucket,
      Key: 'data/train.jsonl',
      Body: lines.join('\n'),
      ContentType: 'application/jsonl',
    }),
  );
  return `s3://${bucket}/data/train.jsonl`;
}
