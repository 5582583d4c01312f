import Button from '@cloudscape-design/components/button';
import FormField from '@cloudscape-design/components/form-field';
import Slider from '@cloudscape-design/components/slider';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { type PointerEvent, useEffect, useRef, useState } from 'react';
import type { InputImage } from './input-image.ts';

interface MaskPainterProps {
  image: InputImage;
  /** Base64 of a PNG of the image's size, painted parts black and the rest white; undefined: nothing is painted. */
  onChange(mask: string | undefined): void;
}

const PAINT = '#0f6bd7';

/** Paints over the part of a picture that is meant. Without a pointer, a mask prompt says the same in words. */
export function MaskPainter({ image, onChange }: MaskPainterProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const last = useRef<{ x: number; y: number } | undefined>(undefined);
  const [brush, setBrush] = useState(60);

  // biome-ignore lint/correctness/useExhaustiveDependencies: another picture starts with a clean sheet
  useEffect(clear, [image.url]);

  function clear(): void {
    const { current } = canvas;
    current?.getContext('2d')?.clearRect(0, 0, current.width, current.height);
    onChange(undefined);
  }

  function placeOf(event: PointerEvent<HTMLCanvasElement>): { x: number; y: number } {
    const { left, top, width, height } = event.currentTarget.getBoundingClientRect();
    return {
      x: ((event.clientX - left) / width) * image.width,
      y: ((event.clientY - top) / height) * image.height,
    };
  }

  function paint(event: PointerEvent<HTMLCanvasElement>): void {
    const context = canvas.current?.getContext('2d');
    if (!context || event.buttons === 0) return;
    const here = placeOf(event);
    const from = last.current ?? here;
    context.strokeStyle = PAINT;
    context.lineWidth = (brush / 1000) * Math.max(image.width, image.height);
    context.lineCap = 'round';
    context.beginPath();
    context.moveTo(from.x, from.y);
    context.lineTo(here.x, here.y);
    context.stroke();
    last.current = here;
  }

  function finish(): void {
    last.current = undefined;
    if (canvas.current) onChange(maskOf(canvas.current));
  }

  return (
    <SpaceBetween size="s">
      <div className="mask-painter">
        <img src={image.url} alt={image.name} />
        <canvas
          ref={canvas}
          width={image.width}
          height={image.height}
          role="img"
          aria-label="Paint over the part that is meant"
          onPointerDown={event => {
            event.currentTarget.setPointerCapture(event.pointerId);
            paint(event);
          }}
          onPointerMove={paint}
          onPointerUp={finish}
        />
      </div>
      <FormField label="Brush">
        <Slider value={brush} min={10} max={200} hideFillLine onChange={({ detail }) => setBrush(detail.value)} />
      </FormField>
      <Button onClick={clear}>Clear the mask</Button>
    </SpaceBetween>
  );
}

/** Titan: pure black is inside, pure white outside; nothing between, and no transparency. */
function maskOf(painted: HTMLCanvasElement): string | undefined {
  const { width, height } = painted;
  const mask = document.createElement('canvas');
  mask.width = width;
  mask.height = height;
  const from = painted.getContext('2d')?.getImageData(0, 0, width, height);
  const context = mask.getContext('2d');
  if (!from || !context) return undefined;
  const to = context.createImageData(width, height);
  let isPainted = false;
  for (let index = 0; index < to.data.length; index += 4) {
    const inside = (from.data[index + 3] ?? 0) > 127;
    isPainted ||= inside;
    to.data.fill(inside ? 0 : 255, index, index + 3);
    to.data[index + 3] = 255;
  }
  if (!isPainted) return undefined;
  context.putImageData(to, 0, 0);
  return mask.toDataURL('image/png').slice('data:image/png;base64,'.length);
}
