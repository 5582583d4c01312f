import { ListRolesCommand, type Role } from '@aws-sdk/client-iam';
import { iam } from '../aws/iam.ts';

/** Every role that the service may assume. */
export async function bedrockRoles(): Promise<Role[]> {
  const found: Role[] = [];
  let marker: string | undefined;
  do {
    const page = await iam().send(new ListRolesCommand({ Marker: marker }));
    found.push(...(page.Roles ?? []));
    marker = page.Marker;
  } while (marker !== undefined);
  return found.filter(role =>
    decodeURIComponent(role.AssumeRolePolicyDocument ?? '').includes('bedrock.amazonaws.com'),
  );
}
