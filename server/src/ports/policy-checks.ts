/** Of a user, group or role; of who may assume a role. */
export const CHECKED_POLICIES = ['identity', 'trust'] as const;
export type CheckedPolicy = (typeof CHECKED_POLICIES)[number];

/** Tells what IAM would refuse in a policy document, without saving it. */
export interface PolicyChecks {
  /** @returns what saving would answer, a managed policy's size included; null: it would be taken */
  problem(accountId: string, kind: CheckedPolicy, document: string): Promise<string | null>;
}
