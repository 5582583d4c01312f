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
  failed(error: unknown): void;
}

interface Check {
  name: CheckName;
  severity: Problem['severity'];
  text: string;
  /** What one click does about it. */
  fix: string;
  mend(found: readonly GridRecord[]): unknown;
}

/** All that was found, a line each, and the one click that mends it. */
export function Checks({ draftKey, draft, records, isReading, show, failed }: ChecksProps) {
  const [mending, setMending] = useState<CheckName>();
  const triggers = triggersOf(draft);
  const captionsOf = (found: readonly GridRecord[]) =>
    new Map(found.map(({ picture, caption }) => [picture.id, caption]));
  const remove = (found: readonly GridRecord[]) =>
    removePictures(draftKey, new Set(found.map(({ picture }) => picture.id)));
  const checks: Check[] = [
    { name: 'unreadable', severity: 'error', text: 'Cannot be read', fix: 'Remove them', mend: remove },
    {
      ...{ name: 'picture', severity: 'error', text: 'Size, format or shape that a job refuses' },
      ...{ fix: 'Resize, crop and convert them', mend: () => mendPictures(draftKey) },
    },
    {
      ...{ name: 'caption', severity: 'error', text: 'Caption missing or too short' },
      ...(triggers[0] === undefined
        ? { fix: 'Remove them', mend: remove }
        : {
            fix: `Put “${triggers[0]}” there`,
            mend: found => setCaptions(draftKey, withTrigger(captionsOf(found), triggers)),
          }),
    },
    {
      ...{ name: 'captionLength', severity: 'error', text: `Caption longer than ${limits.caption.maximumLength}` },
      ...{ fix: 'Shorten them', mend: found => setCaptions(draftKey, shortened(captionsOf(found))) },
    },
    {
      ...{ name: 'trigger', severity: 'warning', text: 'Caption without a trigger word' },
      ...{ fix: `Put “${triggers[0]}” before them` },
      mend: found => setCaptions(draftKey, withTrigger(captionsOf(found), triggers)),
    },
    { name: 'same', severity: 'warning', text: 'The same picture twice', fix: 'Remove the copies', mend: remove },
    { name: 'near', severity: 'warning', text: 'Nearly the same picture', fix: 'Keep one of each', mend: remove },
    { name: 'blur', severity: 'warning', text: 'Looks blurred', fix: 'Remove them', mend: remove },
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

  async function mend({ name, mend: change, found }: (typeof rows)[number]): Promise<void> {
    setMending(name);
    remember(draftKey);
    try {
      await change(found);
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
                <Button loading={mending === row.name} disabled={mending !== undefined} onClick={() => mend(row)}>
                  {row.fix}
                </Button>
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
