import Box from '@cloudscape-design/components/box';
import Checkbox from '@cloudscape-design/components/checkbox';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { FormModal } from '../../app/form-modal.tsx';
import { callRoute } from '../../aws/clients.ts';

interface PurchaseEstimate {
  currency: string | null;
  unitsAvailable: number;
  isAvailable: boolean;
  costPerHour: number | null;
}

interface ReviewPurchaseProps {
  /** "1 model unit of ron, no commitment." */
  text: string;
  modelUnits: number;
  /** '' for no commitment. */
  term: string;
  purchase(): Promise<unknown>;
  purchased(): void;
  close(): void;
}

/** What is bought, what it costs, and what it binds to: confirmed by a tick; a refusal is shown in place. */
export function ReviewPurchase({ text, modelUnits, term, purchase, purchased, close }: ReviewPurchaseProps) {
  const [isAcknowledged, setIsAcknowledged] = useState(false);
  return (
    <FormModal
      title="Review your purchase"
      action="Confirm purchase"
      isComplete={isAcknowledged}
      submit={purchase}
      done={purchased}
      close={close}
    >
      <Box>{text}</Box>
      <Price modelUnits={modelUnits} term={term} />
      <Checkbox checked={isAcknowledged} onChange={({ detail }) => setIsAcknowledged(detail.checked)}>
        {term === ''
          ? 'I know that it takes this machine’s capacity until I delete it.'
          : 'I know that it takes this machine’s capacity until the end of the term and cannot be deleted before.'}
      </Checkbox>
    </FormModal>
  );
}

/** Nothing where it cannot be told: the purchase itself says what is wrong. */
function Price({ modelUnits, term }: { modelUnits: number; term: string }) {
  const { data } = useQuery({
    queryKey: ['estimate', 'purchase', modelUnits, term],
    queryFn: () =>
      callRoute<PurchaseEstimate>({
        method: 'POST',
        path: '/estimate',
        body: { provisionedThroughput: { modelUnits, ...(term !== '' && { commitmentDuration: term }) } },
      }),
  });
  if (!data) return null;
  const { costPerHour, currency, unitsAvailable, isAvailable } = data;
  return (
    <Box color={isAvailable ? 'text-body-secondary' : 'text-status-error'}>
      {costPerHour !== null && `${costPerHour.toFixed(2)} ${currency} an hour. `}
      {unitsAvailable === 1 ? '1 model unit is' : `${unitsAvailable} model units are`} free on this machine.
    </Box>
  );
}
