/** Service roles made to measure: what a fine-tuning job needs and nothing more. */
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
  /** Places to read: the manifest and the images, each a bucket or a prefix. */
  trainingData: readonly string[];
  /** Where the metrics go. */
  output: string;
}

export interface ServiceRole {
  roleArn: string;
  trustPolicy: object;
  permissions: object;
}
