/** Policies that owners put on their resources of the bedrock service, as JSON text, by the resource's ARN. */
export interface ResourcePolicyRows {
  resourcePolicyOf(resourceArn: string): Promise<string | undefined>;
  /** @param policy undefined deletes it; false: there was none */
  setResourcePolicy(resourceArn: string, policy: string | undefined): Promise<boolean>;
}
