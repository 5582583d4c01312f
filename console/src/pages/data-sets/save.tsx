import Alert from '@cloudscape-design/components/alert';
import Button from '@cloudscape-design/components/button';
import ColumnLayout from '@cloudscape-design/components/column-layout';
import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import ProgressBar from '@cloudscape-design/components/progress-bar';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { BucketField, useBuckets } from '../../app/bucket-field.tsx';
import { useDraft } from '../../app/draft.ts';
import { FaultAlert } from '../../app/fault-alert.tsx';
import { NameField } from '../../app/name-field.tsx';
import { isName } from '../../app/names.ts';
import { currentRegion } from '../../app/preferences.ts';
import { hrefOf } from '../../app/router.ts';
import { useSession } from '../../app/session.ts';
import { StillMissing } from '../../app/still-missing.tsx';
import { createBucket } from '../../aws/buckets.ts';
import { changeDraft, draftNow } from './draft.ts';
import { type Saved, saveDataSet } from './store.ts';

interface SaveDataSetProps {
  draftKey: string;
  /** Where it was opened from; empty for a new one. */
  place: { bucket: string; name: string };
  errorCount: number;
  isReading: boolean;
}

const NAME_ID = 'data-set-name';

/** Brings the name into sight, ready to be typed. */
export function showName(): void {
  const field = document.getElementById(NAME_ID);
  field?.scrollIntoView({ block: 'center' });
  field?.focus();
}

/** Writes pictures, masks and train.jsonl to S3, as a version that nothing changes afterwards. */
export function SaveDataSet({ draftKey, place, errorCount, isReading }: SaveDataSetProps) {
  const session = useSession();
  const queries = useQueryClient();
  const buckets = useBuckets();
  const [typed, change, forget] = useDraft(`data-set ${draftKey}`, place);
  const [done, setDone] = useState(0);
  const suggested = buckets.data?.[0]?.Name ?? `pictures-${session?.accountId}-${currentRegion()}`;
  const target = { bucket: typed.bucket || suggested, name: typed.name };
  const total = draftNow(draftKey).pictures.length;
  const missing = [
    ...(isName('dataSet', target.name) ? [] : ['data set name']),
    ...(errorCount > 0 ? [`${errorCount} ${errorCount === 1 ? 'record' : 'records'}`] : []),
    ...(isReading ? ['a look at every picture'] : []),
  ];
  const save = useMutation({
    async mutationFn() {
      setDone(0);
      if (!buckets.data?.some(({ Name }) => Name === target.bucket)) await createBucket(target.bucket);
      return saveDataSet(target, savedRecords(draftKey), draftNow(draftKey), setDone);
    },
    onSuccess: () => {
      changeDraft(draftKey, { isChanged: false });
      // The next new data set is another one, and no version of this.
      forget();
      queries.invalidateQueries({ queryKey: ['buckets'] });
      queries.invalidateQueries({ queryKey: ['data-sets'] });
    },
  });
  return (
    <Container header={<Header variant="h2">Save to S3</Header>}>
      <SpaceBetween size="l">
        <ColumnLayout columns={2}>
          <NameField
            controlId={NAME_ID}
            label="Data set name"
            kind="dataSet"
            name={typed.name}
            placeholder="ron"
            change={name => change({ name })}
          />
          <BucketField bucket={target.bucket} onChange={bucket => change({ bucket })} isNewAllowed />
        </ColumnLayout>
        {errorCount > 0 && (
          <Alert type="warning">
            {errorCount} {errorCount === 1 ? 'record' : 'records'} would be refused by a job: mend or remove them first.
          </Alert>
        )}
        {save.isPending && (
          <ProgressBar value={(100 * done) / Math.max(1, total)} label={`${done} of ${total} images`} />
        )}
        {save.error && <FaultAlert error={save.error} />}
        {save.data && (
          <Alert
            type="success"
            header="Saved"
            action={
              <Button href={hrefOf(`/custom-models/create?data=${encodeURIComponent(save.data)}`)}>
                Create fine-tuning job
              </Button>
            }
          >
            {save.data}
          </Alert>
        )}
        <StillMissing parts={missing} />
        <Button variant="primary" loading={save.isPending} disabled={missing.length > 0} onClick={() => save.mutate()}>
          Save data set
        </Button>
      </SpaceBetween>
    </Container>
  );
}

function savedRecords(draftKey: string): Saved[] {
  const { pictures, captions, masks } = draftNow(draftKey);
  return pictures.flatMap(({ id, name, blob, facts }) =>
    blob && facts ? [{ name, blob, sha256: facts.sha256, caption: captions.get(id) ?? '', mask: masks.get(id) }] : [],
  );
}
