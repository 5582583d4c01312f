import type { RequestContext } from '../../domain/operation.ts';
import { isStorageClass, STORAGE_CLASSES, type StorageClass } from '../../domain/storage-class.ts';
import type { ObjectRow } from '../../ports/store-s3.ts';
import { s3Fault } from './faults.ts';

/** Why AWS's other classes are not kept here. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  GLACIER: 'Its objects are restored before they are read, and nothing is archived here',
  DEEP_ARCHIVE: 'Its objects are restored before they are read, and nothing is archived here',
  OUTPOSTS: 'It is that of hardware which is not here',
  SNOW: 'It is that of hardware which is not here',
  EXPRESS_ONEZONE: 'It is that of directory buckets, which are not here',
  FSX_OPENZFS: 'It is that of a file system which is not here',
  FSX_ONTAP: 'It is that of a file system which is not here',
};

/** The class that a write asks for: STANDARD where it asks for none. @throws Fault InvalidStorageClass */
export function requestedStorageClass({ headers }: RequestContext): StorageClass {
  return keptStorageClass(headers['x-amz-storage-class'] ?? 'STANDARD');
}

/** @param kept those that would do @throws Fault InvalidStorageClass for any other, with what is kept */
export function keptStorageClass(name: string, kept: readonly StorageClass[] = STORAGE_CLASSES): StorageClass {
  if (isStorageClass(name) && kept.includes(name)) return name;
  const why = ELSEWHERE[name] === undefined ? '' : ` ${ELSEWHERE[name]}.`;
  throw s3Fault(
    'InvalidStorageClass',
    `The storage class you specified is not valid: ${name}.${why} Kept are ${kept.join(', ')}.`,
    { members: { StorageClassRequested: name } },
  );
}

/** The member that tells a reader. AWS: none for STANDARD. */
export function shownStorageClass({ storageClass }: Pick<ObjectRow, 'storageClass'>): { StorageClass?: StorageClass } {
  return storageClass === 'STANDARD' ? {} : { StorageClass: storageClass };
}
