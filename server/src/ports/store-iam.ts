/** Rows of the iam service. */
export type IamRows = {};
