/** Rows of the s3 service. */
export type S3Rows = {};
