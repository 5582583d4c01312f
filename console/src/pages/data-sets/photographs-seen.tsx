import Alert from '@cloudscape-design/components/alert';
import Button from '@cloudscape-design/components/button';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { evenlySpread } from '../../app/evenly-spread.ts';
import { hrefOf } from '../../app/router.ts';
import { To } from '../../app/show.tsx';
import { isPreparing, registeredModels } from '../base-models/registered-model.ts';
import type { DataSetDraft } from './draft.ts';
import { LOOKED_AT, type Seen, seenPhotographs } from './photographs.ts';
import { readPictures } from './picture-by-picture.tsx';
import { flatShareOf } from './picture-facts.ts';

/** By the pictures' hashes: what was looked at once is known. */
const shares = new Map<string, number>();

/** Looks at some of the pictures, once all are read. @returns undefined where most are drawings, or before that is known */
export function usePhotographs(draft: DataSetDraft): Seen | undefined {
  const isReading = draft.pictures.some(({ facts, failure }) => facts === undefined && failure === undefined);
  const chosen = isReading ? [] : evenlySpread(readPictures(draft), LOOKED_AT);
  const { data } = useQuery({
    queryKey: ['photographs', ...chosen.map(({ facts }) => facts.sha256)],
    enabled: !isReading,
    placeholderData: keepPreviousData,
    async queryFn() {
      for (const { blob, facts } of chosen)
        if (!shares.has(facts.sha256)) shares.set(facts.sha256, await flatShareOf(blob));
      return seenPhotographs(chosen.map(({ facts }) => shares.get(facts.sha256) ?? 1)) ?? null;
    },
  });
  return data ?? undefined;
}

/** What becomes of photographs, said before they are trained on. */
export function PhotographsSeen({ photographs, lookedAt }: Seen) {
  return (
    <Alert
      type="warning"
      header="These look like photographs"
      action={<Button href={hrefOf('/base-models?tab=folders')}>Base models</Button>}
    >
      {photographs} of {lookedAt} looked at. The embedded model draws flat pictures: a job on it draws each of these
      first and learns the drawings, so the result is a drawing in their colours and no portrait. For photographs, add a
      Stable Diffusion, SDXL or FLUX.1 folder and train that (<To to="/guides/data-sets#photographs">how</To>).
    </Alert>
  );
}

/**
 * Whether the embedded model would write the captions, as no other that captions is registered; undefined where that may
 * not be asked.
 * @param isAsked only then the service is asked
 */
export function useIsCaptionedByEmbedded(isAsked: boolean): boolean | undefined {
  const { data } = useQuery({
    queryKey: ['registered-models', 'captions'],
    enabled: isAsked,
    retry: false,
    queryFn: registeredModels,
  });
  return data?.every(({ facts }) => !facts || !isPreparing(facts.tasks) || !facts.tasks.includes('CAPTION'));
}
