/** Room on the disk that uploads leave to the database and to running jobs. With less than that it counts as full. */
export const RESERVED_DISK_BYTES = 64 * 1024 * 1024;
