import type { ServiceRoleJobType } from '../domain/service-role-work.ts';

/** Service roles made to measure: what a job of a kind needs and nothing more. */
export interface ServiceRoles {
  /**
   * @throws Fault invalid for what is no role name or S3 URI; conflict when there is a role of that name
   */
  create(request: ServiceRoleRequest): Promise<ServiceRole>;
}

export interface ServiceRoleRequest {
  accountId: string;
  region: string;
  roleName: string;
  jobType: ServiceRoleJobType;
  /** Places to read, each a bucket or a prefix: a manifest and its images, records, a model's files. */
  reads: readonly string[];
  /** Where metrics or images go; undefined for jobs that write none. */
  output: string | undefined;
}

export interface ServiceRole {
  roleArn: string;
  trustPolicy: object;
  permissions: object;
}
