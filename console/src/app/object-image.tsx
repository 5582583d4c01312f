import { GetObjectCommand } from '@aws-sdk/client-s3';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { s3 } from '../aws/s3.ts';

interface ObjectImageProps {
  bucket: string;
  objectKey: string;
  alt: string;
  /** As large as it is, in the place of a thumbnail. */
  isLarge?: boolean;
}

/** A picture in S3, read as the person who looks at it. */
export function ObjectImage({ bucket, objectKey, alt, isLarge = false }: ObjectImageProps) {
  const { data, error } = useQuery({
    queryKey: ['object', bucket, objectKey],
    staleTime: Number.POSITIVE_INFINITY,
    async queryFn() {
      const { Body, ContentType } = await s3().send(new GetObjectCommand({ Bucket: bucket, Key: objectKey }));
      const bytes = (await Body?.transformToByteArray()) ?? new Uint8Array();
      return new Blob([bytes as Uint8Array<ArrayBuffer>], { type: ContentType ?? 'image/png' });
    },
  });
  const url = useObjectUrl(data);
  if (error) return <span title={error.message}>Not readable</span>;
  return url === undefined ? (
    <span className="image-place" />
  ) : (
    <img className={isLarge ? 'large-image' : 'object-image'} src={url} alt={alt} />
  );
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
