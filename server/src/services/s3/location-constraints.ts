import type { BucketLocationConstraint } from '@aws-sdk/client-s3';
import { s3Fault } from './faults.ts';

/** The one Region that has no name as a location constraint, and where creating one's bucket again is no error. */
export const CLASSIC_REGION = 'us-east-1';

/** An object, not a list: the compiler tells when the SDK's model has another Region. */
const CONSTRAINTS = {
  EU: true,
  'af-south-1': true,
  'ap-east-1': true,
  'ap-east-2': true,
  'ap-northeast-1': true,
  'ap-northeast-2': true,
  'ap-northeast-3': true,
  'ap-south-1': true,
  'ap-south-2': true,
  'ap-southeast-1': true,
  'ap-southeast-2': true,
  'ap-southeast-3': true,
  'ap-southeast-4': true,
  'ap-southeast-5': true,
  'ap-southeast-6': true,
  'ap-southeast-7': true,
  'ca-central-1': true,
  'ca-west-1': true,
  'cn-north-1': true,
  'cn-northwest-1': true,
  'eu-central-1': true,
  'eu-central-2': true,
  'eu-north-1': true,
  'eu-south-1': true,
  'eu-south-2': true,
  'eu-west-1': true,
  'eu-west-2': true,
  'eu-west-3': true,
  'il-central-1': true,
  'me-central-1': true,
  'me-south-1': true,
  'mx-central-1': true,
  'sa-east-1': true,
  'us-east-2': true,
  'us-gov-east-1': true,
  'us-gov-west-1': true,
  'us-west-1': true,
  'us-west-2': true,
} satisfies Record<BucketLocationConstraint, true>;

/**
 * Where a new bucket will be.
 * @param constraint as its creator sends it
 * @param requestRegion that the request is signed for
 * @throws Fault InvalidLocationConstraint, IllegalLocationConstraintException
 */
export function regionOf(constraint: string | undefined, requestRegion: string): string {
  if (constraint === undefined || constraint === '') {
    if (requestRegion === CLASSIC_REGION) return CLASSIC_REGION;
    throw s3Fault(
      'IllegalLocationConstraintException',
      'The unspecified location constraint is incompatible for the region specific endpoint this request was sent to.',
    );
  }
  const region = constraint === 'EU' ? 'eu-west-1' : constraint;
  // AWS: the endpoint of any other Region looks at nothing but whether the constraint is its own.
  if (requestRegion !== CLASSIC_REGION && requestRegion !== region)
    throw s3Fault(
      'IllegalLocationConstraintException',
      `The ${constraint} location constraint is incompatible for the region specific endpoint this request was sent to.`,
    );
  if (!Object.hasOwn(CONSTRAINTS, constraint))
    throw s3Fault('InvalidLocationConstraint', 'The specified location-constraint is not valid', {
      members: { LocationConstraint: constraint },
    });
  return region;
}
