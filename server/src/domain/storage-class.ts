/**
 * The storage classes whose objects are read at once. A class is a label here: the bytes lie where all do.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-class-intro.html
 */
export const STORAGE_CLASSES = [
  'STANDARD',
  'REDUCED_REDUNDANCY',
  'STANDARD_IA',
  'ONEZONE_IA',
  'INTELLIGENT_TIERING',
  'GLACIER_IR',
] as const;

export type StorageClass = (typeof STORAGE_CLASSES)[number];

export function isStorageClass(name: string): name is StorageClass {
  return (STORAGE_CLASSES as readonly string[]).includes(name);
}

/**
 * The classes that a lifecycle rule moves objects to, and from which others. AWS: only ever downwards.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html
 */
const BELOW: Readonly<Record<StorageClass, readonly StorageClass[]>> = {
  STANDARD: ['STANDARD_IA', 'INTELLIGENT_TIERING', 'ONEZONE_IA', 'GLACIER_IR'],
  REDUCED_REDUNDANCY: ['STANDARD_IA', 'INTELLIGENT_TIERING', 'ONEZONE_IA', 'GLACIER_IR'],
  STANDARD_IA: ['INTELLIGENT_TIERING', 'ONEZONE_IA', 'GLACIER_IR'],
  INTELLIGENT_TIERING: ['ONEZONE_IA', 'GLACIER_IR'],
  ONEZONE_IA: [],
  GLACIER_IR: [],
};

/** What rules move objects to, from the top down. */
export const TRANSITION_CLASSES: readonly StorageClass[] = BELOW.STANDARD;

/** Whether an object of one class may become one of another by a lifecycle rule. */
export function mayTransition(from: StorageClass, to: StorageClass): boolean {
  return BELOW[from].includes(to);
}

/** AWS: an object stays so many days in such a class before it goes on, and as many in the one before. */
const DAYS_IN_INFREQUENT_ACCESS = 30;

/** How old an object must be before a rule moves it to a class. */
export function minimumDaysBefore(to: StorageClass): number {
  return isInfrequentAccess(to) ? DAYS_IN_INFREQUENT_ACCESS : 0;
}

/** How many days a rule leaves an object in a class at least. */
export function minimumDaysIn(storageClass: StorageClass): number {
  return isInfrequentAccess(storageClass) ? DAYS_IN_INFREQUENT_ACCESS : 1;
}

function isInfrequentAccess(storageClass: StorageClass): boolean {
  return storageClass === 'STANDARD_IA' || storageClass === 'ONEZONE_IA';
}
