import { ListObjectsV2Command } from '@aws-sdk/client-s3';
import Box from '@cloudscape-design/components/box';
import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import { useQuery } from '@tanstack/react-query';
import { FaultAlert } from '../../app/fault-alert.tsx';
import { ObjectImage } from '../../app/object-image.tsx';
import { lastOf } from '../../app/show.tsx';
import { s3 } from '../../aws/s3.ts';
import { placeOf } from '../../aws/s3-uri.ts';

interface Sample {
  key: string;
  step: number;
  /** Prompt and seed, the same along the steps. */
  row: string;
}

/** What the job drew along its steps and left below its output: one row a prompt and seed, one column an evaluation. */
export function Samples({ jobArn, outputUri }: { jobArn: string | undefined; outputUri: string | undefined }) {
  const place = placeOf(outputUri ?? '');
  const folder = place.key === '' ? '' : `${place.key.replace(/\/$/, '')}/`;
  const prefix = `${folder}model-customization-job-${lastOf(jobArn)}/validation_artifacts/samples/`;
  const { data, error } = useQuery({
    queryKey: ['samples', place.bucket, prefix],
    queryFn: () => s3().send(new ListObjectsV2Command({ Bucket: place.bucket, Prefix: prefix })),
  });
  if (error) return <FaultAlert error={error} />;
  const samples = (data?.Contents ?? []).flatMap(({ Key = '' }): Sample[] => {
    const [, step, row] = /step-(\d+)\/(prompt-\d+-seed-\d+)\.png$/.exec(Key) ?? [];
    return step === undefined || row === undefined ? [] : [{ key: Key, step: Number(step), row }];
  });
  if (samples.length === 0) return null;
  const steps = [...new Set(samples.map(sample => sample.step))].toSorted((one, other) => one - other);
  const rows = [...new Set(samples.map(sample => sample.row))].toSorted();
  return (
    <Container
      header={
        <Header variant="h2" description="The same prompt and seed along the steps; step 0 is the base model.">
          Samples
        </Header>
      }
    >
      <section className="samples" aria-label="Samples along the steps">
        <table>
          <thead>
            <tr>
              <td />
              {steps.map(step => (
                <th key={step} scope="col">
                  Step {step}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map(row => (
              <tr key={row}>
                <th scope="row">
                  <Box fontSize="body-s">{row.replaceAll('-', ' ')}</Box>
                </th>
                {steps.map(step => {
                  const sample = samples.find(found => found.step === step && found.row === row);
                  return (
                    <td key={step}>
                      {sample && (
                        <ObjectImage bucket={place.bucket} objectKey={sample.key} alt={`${row} after ${step} steps`} />
                      )}
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </Container>
  );
}
