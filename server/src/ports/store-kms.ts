/** Rows of the kms service. */
export type KmsRows = {};
