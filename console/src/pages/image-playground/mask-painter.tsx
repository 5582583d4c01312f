import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import FormField from '@cloudscape-design/components/form-field';
import SegmentedControl from '@cloudscape-design/components/segmented-control';
import Slider from '@cloudscape-design/components/slider';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { type KeyboardEvent, type PointerEvent, useEffect, useId, useRef, useState } from 'react';
import type { InputImage } from './input-image.ts';
import { drawStep, type Painting, type Point, type Stroke, withRedo, withStep, withUndo } from './painting.ts';

interface MaskPainterProps {
  image: InputImage;
  painting: Painting;
  /** Of the picture that is painted, 0 to 1. */
  share: number;
  change(painting: Painting): void;
}

/** Thousandths of the picture's longer side. */
const BRUSH = { first: 60, least: 10, most: 250, step: 10 };
/** Of the picture's side. */
const STEP = 0.02;
const LARGE_STEP = 0.1;

const ARROWS: Readonly<Record<string, Point>> = {
  ArrowLeft: { x: -1, y: 0 },
  ArrowRight: { x: 1, y: 0 },
  ArrowUp: { x: 0, y: -1 },
  ArrowDown: { x: 0, y: 1 },
};

const within = (value: number, least: number, most: number) => Math.min(most, Math.max(least, value));

/** Paints over the part of a picture that is meant, by pointer or by keyboard. */
export function MaskPainter({ image, painting, share, change }: MaskPainterProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const stroke = useRef<Stroke>(undefined);
  const helpId = useId();
  const [kind, setKind] = useState<Stroke['kind']>('brush');
  const [brush, setBrush] = useState(BRUSH.first);
  /** Where the keyboard paints; undefined: the keyboard is not used. */
  const [cursor, setCursor] = useState<Point>();
  const [isPenDown, setIsPenDown] = useState(false);

  useEffect(() => {
    const context = canvas.current?.getContext('2d');
    if (!context) return;
    context.clearRect(0, 0, image.width, image.height);
    for (const step of painting.done) drawStep(context, step);
  }, [painting, image.width, image.height]);

  function placeOf(event: PointerEvent<HTMLCanvasElement>): Point {
    const { left, top, width, height } = event.currentTarget.getBoundingClientRect();
    return { x: (event.clientX - left) / width, y: (event.clientY - top) / height };
  }

  function extend(point: Point): void {
    const { points = [], ...drawn } = stroke.current ?? { kind, width: brush / 1000 };
    const last = points.at(-1);
    stroke.current = { ...drawn, points: [...points, point] };
    const context = canvas.current?.getContext('2d');
    if (context) drawStep(context, { ...drawn, points: last === undefined ? [point] : [last, point] });
  }

  function finish(): void {
    const { current } = stroke;
    stroke.current = undefined;
    setIsPenDown(false);
    if (current) change(withStep(painting, current));
  }

  function press(event: KeyboardEvent): void {
    const arrow = ARROWS[event.key];
    const isCommand = event.ctrlKey || event.metaKey;
    const here = cursor ?? { x: 0.5, y: 0.5 };
    if (arrow) {
      const step = event.shiftKey ? LARGE_STEP : STEP;
      const next = { x: within(here.x + step * arrow.x, 0, 1), y: within(here.y + step * arrow.y, 0, 1) };
      setCursor(next);
      if (isPenDown) extend(next);
    } else if (event.key === ' ' || event.key === 'Enter') {
      setCursor(here);
      if (isPenDown) finish();
      else {
        extend(here);
        setIsPenDown(true);
      }
    } else if (isCommand && event.key.toLowerCase() === 'z')
      change(event.shiftKey ? withRedo(painting) : withUndo(painting));
    else if (isCommand && event.key.toLowerCase() === 'y') change(withRedo(painting));
    else if (isCommand) return;
    else if (event.key === 'b') setKind('brush');
    else if (event.key === 'e') setKind('eraser');
    else if (event.key === '[') setBrush(within(brush - BRUSH.step, BRUSH.least, BRUSH.most));
    else if (event.key === ']') setBrush(within(brush + BRUSH.step, BRUSH.least, BRUSH.most));
    else return;
    event.preventDefault();
  }

  return (
    <SpaceBetween size="s">
      <SpaceBetween direction="horizontal" size="xs" alignItems="center">
        <SegmentedControl
          label="Tool"
          selectedId={kind}
          options={[
            { id: 'brush', text: 'Brush' },
            { id: 'eraser', text: 'Eraser' },
          ]}
          onChange={({ detail }) => setKind(detail.selectedId as Stroke['kind'])}
        />
        <Button
          iconName="undo"
          variant="icon"
          ariaLabel="Undo"
          disabled={painting.done.length === 0}
          onClick={() => change(withUndo(painting))}
        />
        <Button
          iconName="redo"
          variant="icon"
          ariaLabel="Redo"
          disabled={painting.undone.length === 0}
          onClick={() => change(withRedo(painting))}
        />
        <Button onClick={() => change(withStep(painting, { kind: 'invert' }))}>Invert</Button>
        <Button disabled={share === 0} onClick={() => change(withStep(painting, { kind: 'clear' }))}>
          Clear
        </Button>
      </SpaceBetween>
      <div className="mask-painter">
        <img src={image.url} alt={image.name} />
        {/* biome-ignore lint/a11y/noInteractiveElementToNoninteractiveRole: it takes keys of its own, as an application does */}
        <canvas
          ref={canvas}
          width={image.width}
          height={image.height}
          role="application"
          tabIndex={0}
          aria-label="Paint over the part that is meant"
          aria-describedby={helpId}
          onKeyDown={press}
          onBlur={() => {
            finish();
            setCursor(undefined);
          }}
          onPointerDown={event => {
            event.currentTarget.setPointerCapture(event.pointerId);
            setCursor(undefined);
            extend(placeOf(event));
          }}
          onPointerMove={event => {
            if (event.buttons !== 0 && stroke.current) extend(placeOf(event));
          }}
          onPointerUp={finish}
          onPointerCancel={finish}
        />
        {cursor && (
          <div
            className={isPenDown ? 'mask-cursor down' : 'mask-cursor'}
            style={{
              left: `${cursor.x * 100}%`,
              top: `${cursor.y * 100}%`,
              width: `${(brush / 10) * (Math.max(image.width, image.height) / image.width)}%`,
            }}
          />
        )}
      </div>
      <div role="status">
        <Box color="text-body-secondary" fontSize="body-s">
          {share === 0 ? 'Nothing is painted yet.' : `${percent(share)} of the picture is painted.`}
          {cursor &&
            (isPenDown ? ' Painting with the arrow keys; Space lifts the brush.' : ' Space puts the brush down.')}
        </Box>
      </div>
      <FormField label="Brush size">
        <Slider
          value={brush}
          min={BRUSH.least}
          max={BRUSH.most}
          hideFillLine
          onChange={({ detail }) => setBrush(detail.value)}
        />
      </FormField>
      <div id={helpId}>
        <Box color="text-body-secondary" fontSize="body-s">
          By keyboard: arrows move (Shift: further), Space paints and stops, B brush, E eraser, [ and ] its size, Ctrl+Z
          and Ctrl+Shift+Z undo and redo.
        </Box>
      </div>
    </SpaceBetween>
  );
}

function percent(share: number): string {
  return share < 0.01 ? 'Less than 1 %' : `${Math.round(share * 100)} %`;
}
