import type { IamLoginSchema } from './iam-login.ts';
import type { IamProfileSchema } from './iam-profiles.ts';

export interface IdentityTable {
  id: string;
  kind: string;
  account_id: string;
  name: string;
  /** Lower case: names are unique whatever their case. */
  name_key: string;
  path: string;
  created_at: string;
  tags: string;
  boundary_arn: string | null;
  trust_policy: string | null;
  description: string | null;
  maximum_session_seconds: number | null;
}

export interface AccessKeyTable {
  access_key_id: string;
  account_id: string;
  user_id: string | null;
  sealed_secret: string;
  active: number;
  created_at: string;
  bootstrap: number;
  last_used_at: string | null;
  last_used_service: string | null;
  last_used_region: string | null;
}

export interface PolicyTable {
  arn: string;
  id: string;
  account_id: string;
  name: string;
  path: string;
  description: string | null;
  default_version: number;
  latest_version: number;
  created_at: string;
  updated_at: string;
  tags: string;
}

/** Tables of the iam service; names begin with iam_. */
export interface IamSchema extends IamLoginSchema, IamProfileSchema {
  iam_accounts: { account_id: string; created_at: string; name: string | null; disabled_at: string | null };
  iam_identities: IdentityTable;
  iam_members: { group_id: string; user_id: string };
  iam_access_keys: AccessKeyTable;
  iam_policies: PolicyTable;
  iam_policy_versions: { policy_arn: string; version: number; document: string; created_at: string };
  iam_attachments: { identity_id: string; policy_arn: string; attached_at: string };
  iam_inline_policies: { identity_id: string; name: string; document: string };
}
