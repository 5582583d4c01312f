interface Drawn {
  images: string[];
  maskImage: string | null;
  cropBox: { left: number; top: number; width: number; height: number } | null;
}

/** Titan Image's response body, of InvokeModel and of a batch record alike; a task's further members only where it has them. */
export function imageAnswer({ images, maskImage, cropBox }: Drawn) {
  return { images, ...(maskImage !== null && { maskImage }), ...(cropBox !== null && { cropBox }), error: null };
}
