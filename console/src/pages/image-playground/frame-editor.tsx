import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { type KeyboardEvent, type PointerEvent, useRef } from 'react';
import limits from '../../../../contract/limits.json' with { type: 'json' };
import { extended, type Frame, frameOf, isExtended, MOST_EXTENSION, noFrame, type Side, withSide } from './frame.ts';
import type { InputImage } from './input-image.ts';

interface FrameEditorProps {
  image: InputImage;
  frame: Frame;
  change(frame: Frame): void;
}

const SIDES: readonly { side: Side; label: string; outwards: string; inwards: string }[] = [
  { side: 'left', label: 'Extend to the left', outwards: 'ArrowLeft', inwards: 'ArrowRight' },
  { side: 'right', label: 'Extend to the right', outwards: 'ArrowRight', inwards: 'ArrowLeft' },
  { side: 'top', label: 'Extend upwards', outwards: 'ArrowUp', inwards: 'ArrowDown' },
  { side: 'bottom', label: 'Extend downwards', outwards: 'ArrowDown', inwards: 'ArrowUp' },
];
const SHAPES: readonly [label: string, aspect: number][] = [
  ['Square', 1],
  ['16:9', 16 / 9],
  ['9:16', 9 / 16],
];
const STEP = 0.05;
/** The stage has room for the whole frame at its largest, so that nothing moves under the pointer. */
const ROOM = 1 + 2 * MOST_EXTENSION;

const percent = (share: number) => `${share * 100}%`;

/** A picture on a stage: its frame is dragged outwards, and what is between is drawn. */
export function FrameEditor({ image, frame, change }: FrameEditorProps) {
  const stage = useRef<HTMLDivElement>(null);
  const { whole } = extended(image, frame, limits.inputImage.maximumSidePixels);

  function drag(event: PointerEvent, side: Side): void {
    if (event.buttons === 0 || !stage.current) return;
    const { left, top, width, height } = stage.current.getBoundingClientRect();
    const x = ((event.clientX - left) / width) * ROOM;
    const y = ((event.clientY - top) / height) * ROOM;
    const edges: Frame = {
      left: MOST_EXTENSION - x,
      right: x - MOST_EXTENSION - 1,
      top: MOST_EXTENSION - y,
      bottom: y - MOST_EXTENSION - 1,
    };
    change(withSide(frame, side, edges[side]));
  }

  function press(event: KeyboardEvent, { side, outwards, inwards }: (typeof SIDES)[number]): void {
    const direction = event.key === outwards ? 1 : event.key === inwards ? -1 : 0;
    if (direction === 0) return;
    event.preventDefault();
    change(withSide(frame, side, frame[side] + direction * STEP));
  }

  return (
    <SpaceBetween size="s">
      <div className="frame-stage" ref={stage} style={{ aspectRatio: `${image.width} / ${image.height}` }}>
        <div
          className="frame-whole"
          style={{
            left: percent((MOST_EXTENSION - frame.left) / ROOM),
            right: percent((MOST_EXTENSION - frame.right) / ROOM),
            top: percent((MOST_EXTENSION - frame.top) / ROOM),
            bottom: percent((MOST_EXTENSION - frame.bottom) / ROOM),
          }}
        >
          {SIDES.map(entry => (
            <div
              key={entry.side}
              className={`frame-handle ${entry.side}`}
              role="slider"
              tabIndex={0}
              aria-label={entry.label}
              aria-orientation={entry.side === 'left' || entry.side === 'right' ? 'horizontal' : 'vertical'}
              aria-valuemin={0}
              aria-valuemax={MOST_EXTENSION * 100}
              aria-valuenow={Math.round(frame[entry.side] * 100)}
              aria-valuetext={`${Math.round(frame[entry.side] * 100)} % of the picture`}
              onKeyDown={event => press(event, entry)}
              onPointerDown={event => event.currentTarget.setPointerCapture(event.pointerId)}
              onPointerMove={event => drag(event, entry.side)}
            />
          ))}
        </div>
        <img
          src={image.url}
          alt={image.name}
          draggable={false}
          style={{ width: percent(1 / ROOM), height: percent(1 / ROOM) }}
        />
      </div>
      <SpaceBetween direction="horizontal" size="xs" alignItems="center">
        {SHAPES.map(([label, aspect]) => (
          <Button key={label} onClick={() => change(frameOf(image, aspect))}>
            {label}
          </Button>
        ))}
        <Button disabled={!isExtended(frame)} onClick={() => change(noFrame)}>
          Reset
        </Button>
      </SpaceBetween>
      <Box color="text-body-secondary" fontSize="body-s">
        Drag the edges of the frame outwards, or move to one by Tab and use the arrow keys. The result has {whole.width}{' '}
        x {whole.height} pixels.
      </Box>
    </SpaceBetween>
  );
}
