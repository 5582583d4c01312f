import Alert from '@cloudscape-design/components/alert';
import KeyValuePairs from '@cloudscape-design/components/key-value-pairs';
import Modal from '@cloudscape-design/components/modal';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useQuery } from '@tanstack/react-query';
import { size } from '../../app/show.tsx';
import { callRoute } from '../../aws/clients.ts';
import { familyName, isPreparing, type RegisteredModel, taskNames } from './registered-model.ts';

const ORIGINS: Readonly<Record<RegisteredModel['origin'], string>> = {
  embedded: 'Comes with Likeness',
  setting: 'LIKENESS_BASE_MODELS names it',
  registered: 'Registered',
};

/** What the service found in a folder, or why its model does not answer. */
export function ModelFacts({ model, close }: { model: RegisteredModel; close(): void }) {
  const { facts, problem } = model;
  const machine = useQuery({
    queryKey: ['doctor'],
    queryFn: () => callRoute<{ memoryBytes: number }>({ method: 'GET', path: '/doctor' }),
  });
  const memoryBytes = machine.data?.memoryBytes ?? Number.POSITIVE_INFINITY;
  return (
    <Modal visible size="large" onDismiss={close} closeAriaLabel="Close" header={model.id}>
      <SpaceBetween size="m">
        {problem !== null && (
          <Alert type="error" header="It does not answer">
            {problem}
          </Alert>
        )}
        {facts !== null && facts.memoryBytes > memoryBytes && (
          <Alert type="warning">
            The machine of the service has {size(memoryBytes)} of memory: the model will not load there.
          </Alert>
        )}
        <KeyValuePairs
          columns={2}
          items={[
            { label: 'Folder', value: <span className="path">{model.path}</span> },
            { label: 'Origin', value: ORIGINS[model.origin] },
            { label: 'Licence', value: model.licence },
            ...(facts === null
              ? []
              : [
                  { label: 'Family', value: familyName(model) },
                  { label: 'Tasks', value: taskNames(facts.tasks) },
                  {
                    label: isPreparing(facts.tasks) ? 'Sees' : 'Draws',
                    value: isPreparing(facts.tasks)
                      ? `${facts.resolution} x ${facts.resolution} pixels of each picture; it draws nothing`
                      : `About ${facts.resolution} x ${facts.resolution} pixels, scaled to the size asked for`,
                  },
                  { label: 'Parameters', value: parameters(facts.parameters) },
                  { label: 'Weights on disk', value: size(facts.sizeBytes) },
                  {
                    label: 'Memory',
                    value: `${size(facts.memoryBytes)} for the weights while they load, and what pictures take`,
                  },
                ]),
          ]}
        />
      </SpaceBetween>
    </Modal>
  );
}

function parameters(count: number): string {
  return count < 1e6 ? count.toLocaleString('en') : `${Math.round(count / 1e6).toLocaleString('en')} million`;
}
