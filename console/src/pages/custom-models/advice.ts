import { useQuery } from '@tanstack/react-query';
import { lastOf } from '../../app/show.tsx';
import { callRoute } from '../../aws/clients.ts';

export interface AdviceAnswer {
  /** That the job made, of its last or best step; one of another checkpoint has another. */
  modelArn: string;
  advice: 'moreSteps' | 'fewerSteps' | 'largerBatchOrLearningRate' | 'gentlerOrAnotherBase' | 'enough' | 'notMeasured';
  message: string;
  /** What went otherwise than asked: photographs that were drawn first, a learning rate that was halved. */
  warnings: readonly string[];
  hyperParameters: {
    given: Readonly<Record<string, string>>;
    /** Null for a job that ended before its training began. */
    applied: { concept: 'subject' | 'style' } | null;
  };
}

/** What the evaluations of a job say of its result. @param isAsked once the job has ended */
export function useAdvice(jobArn: string | undefined, isAsked: boolean) {
  const jobId = lastOf(jobArn);
  return useQuery({
    queryKey: ['advice', jobId, isAsked],
    queryFn: () => callRoute<AdviceAnswer>({ method: 'GET', path: `/jobs/${jobId}/advice` }),
    enabled: isAsked && jobArn !== undefined,
  });
}

/** With what a job was not told and read from its data set; a concept that was given stands among the hyperparameters. */
export function adviceText({ message, hyperParameters: { given, applied } }: AdviceAnswer): string {
  if (applied === null || given.concept !== undefined) return message;
  return `${message} By its captions, the set was trained as a ${applied.concept}.`;
}
