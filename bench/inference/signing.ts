/**
 * What Content Credentials cost: processor time to sign a picture, and the bytes that they add.
 *
 *   node bench/inference/signing.ts FILE.png…
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openContentCredentials } from '../../server/src/adapters/content-credentials/credentials.ts';

const ROUNDS = 50;
const folder = mkdtempSync(join(tmpdir(), 'likeness-signing-'));
const own = { folder, certPath: undefined, keyPath: undefined };
const credentials = await openContentCredentials({ ...own, now: new Date(), version: '0.1.0' });
const baseModelId = 'likeness.art-v1';
const modelArn = `arn:aws:bedrock:us-east-1::foundation-model/${baseModelId}`;
const provenance = { task: 'TEXT_IMAGE' as const, inputImageCount: 0, baseModelId, modelArn };
for (const path of process.argv.slice(2)) {
  const image = readFileSync(path);
  const images = [image.toString('base64')];
  const rest = { maskImage: null, cropBox: null, watermark: null, caption: null, isWatermarked: true };
  const answer = { images, ...rest };
  const sign = async () => Buffer.from((await credentials.sign(answer, provenance)).images[0] ?? '', 'base64');
  const added = (await sign()).length - image.length;
  const before = process.cpuUsage();
  for (let round = 0; round < ROUNDS; round += 1) await credentials.sign(answer, provenance);
  const { user, system } = process.cpuUsage(before);
  const milliseconds = (user + system) / 1000 / ROUNDS;
  console.log(`${path}: ${image.length} bytes and ${added} more, ${milliseconds.toFixed(1)} ms of processor time`);
}
rmSync(folder, { recursive: true });
