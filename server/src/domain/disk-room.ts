/** Room on the disk that uploads leave to the database and to running jobs. With less than that it counts as full. */
export const RESERVED_DISK_BYTES = 64 * 1024 * 1024;

/**
 * ARNs of the jobs that wait for room with work to lose. In memory: a full disk takes no row, and after a restart each of
 * them finds out anew.
 */
export type RoomWaits = Set<string>;

/** Whether a file system refused bytes because it, or the quota of this user, is full. */
export function isNoRoom(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'ENOSPC' || code === 'EDQUOT';
}
