import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import StatusIndicator from '@cloudscape-design/components/status-indicator';
import { useState } from 'react';
import limits from '../../../../contract/limits.json' with { type: 'json' };
import { triggersOf } from './caption-tools.tsx';
import { type DataSetDraft, mendPictures, remember, removePictures, setCaptions, undo } from './draft.ts';
import type { GridRecord } from './record-grid.tsx';
import { balanceOf, type CheckName, isUneven, type Problem, shortened, withTrigger } from './records.ts';

interface ChecksProps {
  draftKey: string;
  draft: DataSetDraft;
  records: readonly GridRecord[];
  isReading: boolean;
  /** Shows the records of one check alone. */
  show(check: CheckName): void;
  /** Goes to where captions are written. */
  showCaptionTools(): void;
  failed(error: unknown): void;
}

interface Check {
  name: CheckName;
  severity: Problem['severity'];
  text: string;
  /** What one click does about it, the best first. */
  fixes: readonly Fix[];
}

interface Fix {
  text: string;
  mend(found: readonly GridRecord[]): unknown;
  /** It only shows where to do it. */
  isPlace?: boolean;
}

/** All that was found, a line each, and the one click that mends it. */
export function Checks({ draftKey, draft, records, isReading, show, showCaptionTools, failed }: ChecksProps) {
  const [mending, setMending] = useState<CheckName>();
  const triggers = triggersOf(draft);
  const captionsOf = (found: readonly GridRecord[]) =>
    new Map(found.map(({ picture, caption }) => [picture.id, caption]));
  const remove: Fix = {
    text: 'Remove them',
    mend: found => removePictures(draftKey, new Set(found.map(({ picture }) => picture.id))),
  };
  const named = (text: string): Fix => ({
    text,
    mend: found => setCaptions(draftKey, withTrigger(captionsOf(found), triggers)),
  });
  const checks: Check[] = [
    { name: 'unreadable', severity: 'error', text: 'Cannot be read', fixes: [remove] },
    {
      ...{ name: 'picture', severity: 'error', text: 'Size, format or shape that a job refuses' },
      fixes: [{ text: 'Resize, crop and convert them', mend: () => mendPictures(draftKey) }],
    },
    {
      ...{ name: 'caption', severity: 'error', text: 'Caption missing or too short' },
      fixes: [
        triggers[0] === undefined
          ? { text: 'Write captions or a trigger word', mend: showCaptionTools, isPlace: true }
          : named(`Put “${triggers[0]}” there`),
        remove,
      ],
    },
    {
      ...{ name: 'captionLength', severity: 'error', text: `Caption longer than ${limits.caption.maximumLength}` },
      fixes: [{ text: 'Shorten them', mend: found => setCaptions(draftKey, shortened(captionsOf(found))) }],
    },
    {
      ...{ name: 'trigger', severity: 'warning', text: 'Caption without a trigger word' },
      fixes: [named(`Put “${triggers[0]}” before them`)],
    },
    {
      ...{ name: 'same', severity: 'warning', text: 'The same picture twice' },
      fixes: [{ ...remove, text: 'Remove the copies' }],
    },
    {
      ...{ name: 'near', severity: 'warning', text: 'Nearly the same picture' },
      fixes: [{ ...remove, text: 'Keep one of each' }],
    },
    { name: 'blur', severity: 'warning', text: 'Looks blurred', fixes: [remove] },
  ];
  const byCheck = Map.groupBy(
    records.flatMap(record => record.problems.map(({ check }) => ({ check, record }))),
    ({ check }) => check,
  );
  const rows = checks
    .map(check => ({ ...check, found: [...new Set((byCheck.get(check.name) ?? []).map(({ record }) => record))] }))
    .filter(({ found }) => found.length > 0);
  const counts = balanceOf(
    records.map(({ caption }) => caption),
    triggers,
  );

  async function mend({ name, found }: (typeof rows)[number], fix: Fix): Promise<void> {
    if (!fix.isPlace) remember(draftKey);
    setMending(name);
    try {
      await fix.mend(found);
    } catch (error) {
      failed(error);
    }
    setMending(undefined);
  }

  return (
    <Container
      header={
        <Header
          variant="h2"
          actions={
            <Button disabled={draft.before === undefined} iconName="undo" onClick={() => undo(draftKey)}>
              Undo the last fix
            </Button>
          }
        >
          Checks
        </Header>
      }
    >
      <SpaceBetween size="m">
        {rows.length > 0 && (
          <ul className="checks" aria-label="Checks">
            {rows.map(row => (
              <li key={row.name} className="check">
                <div>
                  <StatusIndicator type={row.severity === 'error' ? 'error' : 'warning'}>{row.text}</StatusIndicator>{' '}
                  <Button
                    variant="inline-link"
                    ariaLabel={`Show ${recordsOf(row.found.length)}: ${row.text}`}
                    onClick={() => show(row.name)}
                  >
                    {recordsOf(row.found.length)}
                  </Button>
                </div>
                <SpaceBetween direction="horizontal" size="xs">
                  {row.fixes.map(fix => (
                    <Button
                      key={fix.text}
                      loading={mending === row.name}
                      disabled={mending !== undefined}
                      onClick={() => mend(row, fix)}
                    >
                      {fix.text}
                    </Button>
                  ))}
                </SpaceBetween>
              </li>
            ))}
          </ul>
        )}
        {isReading && <StatusIndicator type="in-progress">Looking at the pictures…</StatusIndicator>}
        {rows.length === 0 && !isReading && (
          <StatusIndicator type="success">Nothing to mend: a job takes every record.</StatusIndicator>
        )}
        {counts.size > 1 && (
          <Box>
            <StatusIndicator type={isUneven(counts) ? 'warning' : 'success'}>
              {isUneven(counts) ? 'Uneven: ' : 'Even: '}
              {[...counts].map(([trigger, count]) => `${trigger} ${count}`).join(', ')}
            </StatusIndicator>
            {isUneven(counts) && (
              <Box color="text-body-secondary">
                The subject with fewer pictures is learnt less well: bring more of it, or remove some of the other.
              </Box>
            )}
          </Box>
        )}
      </SpaceBetween>
    </Container>
  );
}

function recordsOf(count: number): string {
  return `${count} ${count === 1 ? 'record' : 'records'}`;
}
