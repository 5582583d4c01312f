import Box from '@cloudscape-design/components/box';
import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import Modal from '@cloudscape-design/components/modal';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Toggle from '@cloudscape-design/components/toggle';
import { useState } from 'react';
import { FaultAlert } from '../../app/fault-alert.tsx';
import { LoadedImage } from '../../app/object-image.tsx';
import { columnsOf } from './columns.ts';
import { type Sample, type SampleSheet, useSampleSheet } from './sample-sheet.ts';

/** More are shown when they are asked for. */
const MOST_COLUMNS = 8;

interface SamplesProps {
  jobArn: string | undefined;
  outputUri: string | undefined;
  /** Evaluations so far: with each the grid grows by a column. */
  evaluationCount: number;
  isRunning: boolean;
}

/** What the job drew along its steps: one row a prompt and seed, one column an evaluation. */
export function Samples({ jobArn, outputUri, evaluationCount, isRunning }: SamplesProps) {
  const [shown, setShown] = useState<Sample>();
  const { data, error } = useSampleSheet({ jobArn, outputUri, version: `${evaluationCount} ${isRunning}` });
  if (!error && (data === undefined || data.samples.length === 0) && !isRunning) return null;
  return (
    <Container
      header={
        <Header variant="h2" description="The same prompt and seed along the steps; step 0 is the base model.">
          Samples
        </Header>
      }
    >
      {error && <FaultAlert error={error} />}
      {!error && data?.samples.length === 0 && (
        <Box color="text-body-secondary">The first ones are drawn before the first step, where the job evaluates.</Box>
      )}
      {data && data.samples.length > 0 && <Grid jobArn={jobArn ?? ''} sheet={data} show={setShown} />}
      {shown && data && (
        <Modal
          visible
          size="large"
          onDismiss={() => setShown(undefined)}
          closeAriaLabel="Close"
          header={describe(shown, data)}
        >
          <Box textAlign="center">
            <SampleImage jobArn={jobArn ?? ''} sample={shown} sheet={data} isLarge />
          </Box>
        </Modal>
      )}
    </Container>
  );
}

function Grid({ jobArn, sheet, show }: { jobArn: string; sheet: SampleSheet; show(sample: Sample): void }) {
  const [isWhole, setIsWhole] = useState(false);
  const all = [...new Set(sheet.samples.map(({ step }) => step))].toSorted((one, other) => one - other);
  const steps = isWhole ? all : columnsOf(all, MOST_COLUMNS);
  const rows = [...Map.groupBy(sheet.samples, rowOf)].toSorted(([one], [other]) => one.localeCompare(other));
  return (
    <SpaceBetween size="s">
      {all.length > MOST_COLUMNS && (
        <Toggle checked={isWhole} onChange={({ detail }) => setIsWhole(detail.checked)}>
          All {all.length} evaluations
        </Toggle>
      )}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <section className="samples" aria-label="Samples along the steps" tabIndex={0}>
        <table>
          <thead>
            <tr>
              <td />
              {steps.map(step => (
                <th key={step} scope="col">
                  Step {step.toLocaleString()}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map(([row, samples]) => (
              <tr key={row}>
                <th scope="row">{samples[0] && <SampleTitle sample={samples[0]} sheet={sheet} />}</th>
                {steps.map(step => {
                  const sample = samples.find(found => found.step === step);
                  return (
                    <td key={step}>
                      {sample && (
                        <button
                          type="button"
                          className="picture-button"
                          aria-label={describe(sample, sheet)}
                          onClick={() => show(sample)}
                        >
                          <SampleImage jobArn={jobArn} sample={sample} sheet={sheet} />
                        </button>
                      )}
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </SpaceBetween>
  );
}

/** The prompt, and the seed that tells it from the same prompt drawn again. */
export function SampleTitle({ sample, sheet }: { sample: Sample; sheet: SampleSheet }) {
  return (
    <div className="sample-title">
      {promptOf(sample, sheet)}
      <Box color="text-body-secondary" fontSize="body-s">
        Seed {sample.seed}
      </Box>
    </div>
  );
}

interface SampleImageProps {
  jobArn: string;
  sample: Sample;
  sheet: SampleSheet;
  isLarge?: boolean;
}

export function SampleImage({ jobArn, sample, sheet, isLarge }: SampleImageProps) {
  const { step, prompt, seed, load } = sample;
  return (
    <LoadedImage
      queryKey={['sample', jobArn, step, prompt, seed]}
      load={load}
      alt={describe(sample, sheet)}
      isLarge={isLarge}
    />
  );
}

function promptOf({ prompt }: Sample, { prompts }: SampleSheet): string {
  return prompts[prompt] ?? `Prompt ${prompt + 1}`;
}

function describe(sample: Sample, sheet: SampleSheet): string {
  return `${promptOf(sample, sheet)}, seed ${sample.seed}, after ${sample.step.toLocaleString()} steps`;
}

export function rowOf({ prompt, seed }: Sample): string {
  return `${String(prompt).padStart(3, '0')} ${seed}`;
}
