import { useQuery } from '@tanstack/react-query';
import { type CSSProperties, useEffect, useRef, useState } from 'react';
import { useObjectUrl } from '../../app/object-image.tsx';
import type { Picture } from './draft.ts';
import { maskKey, readMask, shapeOf } from './masks.ts';
import type { Problem, SubjectMask } from './records.ts';

export interface GridRecord {
  picture: Picture;
  caption: string;
  mask: SubjectMask | undefined;
  problems: readonly Problem[];
}

interface RecordGridProps {
  records: readonly GridRecord[];
  setCaption(id: string, caption: string): void;
  remove(id: string): void;
  editMask(id: string): void;
  /** Name of the picture that is looked for: it is scrolled to when it is first there. */
  wanted: string | undefined;
}

const CARD_WIDTH = 250;
const CARD_HEIGHT = 330;
/** Rows drawn above and below what is seen. */
const SPARE_ROWS = 2;

/** Pictures with their captions. Only those in sight are in the document, so ten thousand stay smooth. */
export function RecordGrid({ records, setCaption, remove, editMask, wanted }: RecordGridProps) {
  const frame = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, width: 1000, height: 700 });
  const columns = Math.max(1, Math.floor(view.width / CARD_WIDTH));
  const rows = Math.ceil(records.length / columns);
  const first = Math.max(0, Math.floor(view.top / CARD_HEIGHT) - SPARE_ROWS);
  const last = Math.min(rows, Math.ceil((view.top + view.height) / CARD_HEIGHT) + SPARE_ROWS);

  useEffect(() => {
    const { current } = frame;
    if (!current) return;
    const measure = () => setView({ top: current.scrollTop, width: current.clientWidth, height: current.clientHeight });
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(current);
    current.addEventListener('scroll', measure, { passive: true });
    return () => {
      observer.disconnect();
      current.removeEventListener('scroll', measure);
    };
  }, []);

  const wantedIndex = wanted === undefined ? -1 : records.findIndex(({ picture }) => isNamed(picture, wanted));
  const shownFor = useRef<string>(undefined);
  useEffect(() => {
    if (wantedIndex < 0 || shownFor.current === wanted || !frame.current) return;
    shownFor.current = wanted;
    frame.current.scrollIntoView();
    frame.current.scrollTop = Math.floor(wantedIndex / columns) * CARD_HEIGHT;
  }, [wantedIndex, wanted, columns]);

  const placed: CSSProperties = {
    gridTemplateColumns: `repeat(${columns}, minmax(0, 1fr))`,
    transform: `translateY(${first * CARD_HEIGHT}px)`,
  };
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section className="record-grid" ref={frame} tabIndex={0} aria-label="Images and captions">
      <div style={{ height: rows * CARD_HEIGHT }}>
        <ul style={placed}>
          {records.slice(first * columns, last * columns).map(record => (
            <RecordCard
              key={record.picture.id}
              {...record}
              isWanted={wanted !== undefined && isNamed(record.picture, wanted)}
              setCaption={setCaption}
              remove={remove}
              editMask={editMask}
            />
          ))}
        </ul>
      </div>
    </section>
  );
}

/** By its file, or by the last part of where it lies in S3. */
function isNamed({ name, uri }: Picture, wanted: string): boolean {
  return name === wanted || uri?.slice(uri.lastIndexOf('/') + 1) === wanted;
}

type RecordCardProps = GridRecord & Pick<RecordGridProps, 'setCaption' | 'remove' | 'editMask'> & { isWanted: boolean };

function RecordCard({ picture, caption, mask, problems, isWanted, setCaption, remove, editMask }: RecordCardProps) {
  const url = useObjectUrl(picture.thumbnail);
  return (
    <li aria-current={isWanted || undefined}>
      <div className="record-picture">
        {url && <img src={url} alt={caption || picture.name} />}
        {mask && <MaskOver mask={mask} />}
        {picture.blob && picture.facts && (
          <button
            type="button"
            className="record-mask"
            aria-label={mask ? `Edit mask of ${picture.name}` : `Add mask to ${picture.name}`}
            onClick={() => editMask(picture.id)}
          >
            {mask ? 'Edit mask' : 'Add mask'}
          </button>
        )}
        <button type="button" aria-label={`Remove ${picture.name}`} onClick={() => remove(picture.id)}>
          ×
        </button>
      </div>
      <textarea
        aria-label={`Caption of ${picture.name}`}
        placeholder="What does it show?"
        rows={3}
        value={caption}
        onChange={event => setCaption(picture.id, event.target.value)}
      />
      <p className="record-name">{picture.name}</p>
      {problems.slice(0, 2).map(({ severity, text }) => (
        <p key={text} className={`record-${severity}`}>
          {text}
        </p>
      ))}
    </li>
  );
}

/** The mask over the small picture: only those in sight are read. */
function MaskOver({ mask }: { mask: SubjectMask }) {
  const { data } = useQuery({
    queryKey: ['mask-over', maskKey(mask)],
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: async () => (await shapeOf(await readMask(mask), CARD_WIDTH)).convertToBlob(),
  });
  const url = useObjectUrl(data);
  return url === undefined ? null : <img className="record-mask-over" src={url} alt="" />;
}
