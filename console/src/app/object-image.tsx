import { GetObjectCommand } from '@aws-sdk/client-s3';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useMemo } from 'react';
import { s3 } from '../aws/s3.ts';

interface LoadedImageProps {
  queryKey: readonly unknown[];
  /** @param signal aborted when nobody looks any more */
  load(signal: AbortSignal): Promise<Blob>;
  alt: string;
  /** As large as it is, in the place of a thumbnail. */
  isLarge?: boolean | undefined;
}

/** A picture that never changes, read as the person who looks at it. */
export function LoadedImage({ queryKey, load, alt, isLarge = false }: LoadedImageProps) {
  const { data, error } = useQuery({
    queryKey,
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: ({ signal }) => load(signal),
  });
  const url = useObjectUrl(data);
  if (error) return <span title={error.message}>Not readable</span>;
  return url === undefined ? (
    <span className="image-place" />
  ) : (
    <img className={isLarge ? 'large-image' : 'object-image'} src={url} alt={alt} />
  );
}

interface ObjectImageProps {
  bucket: string;
  objectKey: string;
  alt: string;
  isLarge?: boolean;
}

export function ObjectImage({ bucket, objectKey, alt, isLarge }: ObjectImageProps) {
  return (
    <LoadedImage
      queryKey={['object', bucket, objectKey]}
      load={signal => readObject(bucket, objectKey, signal)}
      alt={alt}
      isLarge={isLarge}
    />
  );
}

export async function readObject(bucket: string, key: string, abortSignal?: AbortSignal): Promise<Blob> {
  const command = new GetObjectCommand({ Bucket: bucket, Key: key });
  const { Body, ContentType } = await s3().send(command, { ...(abortSignal && { abortSignal }) });
  const bytes = (await Body?.transformToByteArray()) ?? new Uint8Array();
  return new Blob([bytes as Uint8Array<ArrayBuffer>], { type: ContentType ?? 'image/png' });
}

/** A picture that was scrolled away while it was being read is still read to its end. */
const LET_GO_MILLISECONDS = 10_000;

/** An address for a blob, let go when nobody shows it any more. */
export function useObjectUrl(blob: Blob | undefined): string | undefined {
  // Not as state set by an effect: of hundreds of pictures that come at once React would take that for an endless loop.
  const url = useMemo(() => blob && URL.createObjectURL(blob), [blob]);
  useEffect(() => {
    if (url !== undefined) return () => void setTimeout(() => URL.revokeObjectURL(url), LET_GO_MILLISECONDS);
  }, [url]);
  return url;
}
