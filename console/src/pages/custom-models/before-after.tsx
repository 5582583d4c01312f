import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import Select from '@cloudscape-design/components/select';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useState } from 'react';
import { FaultAlert } from '../../app/fault-alert.tsx';
import { useSampleSheet } from './sample-sheet.ts';
import { rowOf, SampleImage, SampleTitle } from './samples.tsx';

/** The base model's picture beside the model's, of the same prompt and seed. */
export function BeforeAfter({ jobArn, outputUri }: { jobArn: string | undefined; outputUri: string | undefined }) {
  const { data, error } = useSampleSheet({ jobArn, outputUri, version: 'ended' });
  const [chosen, setChosen] = useState<number>();
  const steps = [...new Set((data?.samples ?? []).map(({ step }) => step))].filter(step => step > 0);
  const after = chosen ?? Math.max(...steps);
  if (!error && (!data || steps.length === 0)) return null;
  const options = steps
    .toSorted((one, other) => one - other)
    .map(step => ({ value: String(step), label: `After ${step.toLocaleString()} steps` }));
  const pairs = [...Map.groupBy(data?.samples ?? [], rowOf)].map(([row, samples]) => ({
    row,
    before: samples.find(({ step }) => step === 0),
    after: samples.find(({ step }) => step === after),
  }));
  return (
    <Container
      header={
        <Header
          variant="h2"
          description="The same prompt and seed, drawn by the source model and after its training."
          actions={
            options.length > 1 && (
              <Select
                ariaLabel="Steps"
                options={options}
                selectedOption={options.find(({ value }) => value === String(after)) ?? null}
                onChange={({ detail }) => setChosen(Number(detail.selectedOption.value))}
              />
            )
          }
        >
          Before and after
        </Header>
      }
    >
      {error && <FaultAlert error={error} />}
      {data && (
        <ul className="before-after">
          {pairs.map(({ row, before, after: drawn }) => (
            <li key={row}>
              <SpaceBetween size="xs">
                <div className="pair">
                  {before && <SampleImage jobArn={jobArn ?? ''} sample={before} sheet={data} />}
                  {drawn && <SampleImage jobArn={jobArn ?? ''} sample={drawn} sheet={data} />}
                </div>
                {drawn && <SampleTitle sample={drawn} sheet={data} />}
              </SpaceBetween>
            </li>
          ))}
        </ul>
      )}
    </Container>
  );
}
