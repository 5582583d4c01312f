import { GetObjectCommand } from '@aws-sdk/client-s3';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { s3 } from '../aws/s3.ts';

interface LoadedImageProps {
  queryKey: readonly unknown[];
  load(): Promise<Blob>;
  alt: string;
  /** As large as it is, in the place of a thumbnail. */
  isLarge?: boolean | undefined;
}

/** A picture that never changes, read as the person who looks at it. */
export function LoadedImage({ queryKey, load, alt, isLarge = false }: LoadedImageProps) {
  const { data, error } = useQuery({ queryKey, staleTime: Number.POSITIVE_INFINITY, queryFn: load });
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
      load={() => readObject(bucket, objectKey)}
      alt={alt}
      isLarge={isLarge}
    />
  );
}

export async function readObject(bucket: string, key: string): Promise<Blob> {
  const { Body, ContentType } = await s3().send(new GetObjectCommand({ Bucket: bucket, Key: key }));
  const bytes = (await Body?.transformToByteArray()) ?? new Uint8Array();
  return new Blob([bytes as Uint8Array<ArrayBuffer>], { type: ContentType ?? 'image/png' });
}

/** An address for a blob, let go when nobody shows it any more. */
export function useObjectUrl(blob: Blob | undefined): string | undefined {
  const [url, setUrl] = useState<string>();
  useEffect(() => {
    if (!blob) return;
    const made = URL.createObjectURL(blob);
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [blob]);
  return url;
}
