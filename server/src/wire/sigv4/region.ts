import type { ServiceModule } from '../../domain/operation.ts';
import { SignatureProblem } from './problem.ts';

const REGION_NAME = /^[a-z0-9-]{1,64}$/;

export function isRegionName(text: string): boolean {
  return REGION_NAME.test(text);
}

/**
 * AWS: S3 names the Region that it expects, and clients that sign for `US` until they know better sign again for it. Asked
 * only once the signature holds: the Region of a bucket tells that it is there.
 * @param path path style @throws SignatureProblem
 */
export async function checkRegionOfS3(
  { region, presigned }: { region: string; presigned: boolean },
  module: ServiceModule,
  path: string,
  defaultRegion: string,
): Promise<void> {
  if (isRegionName(region)) return;
  const expected = (await module.regionOf?.(path)) ?? defaultRegion;
  const wrong = `the region '${region}' is wrong; expecting '${expected}'`;
  const message = presigned ? `Error parsing the X-Amz-Credential parameter; ${wrong}` : wrong;
  throw new SignatureProblem('scope', message, { presigned, members: { Region: expected } });
}
