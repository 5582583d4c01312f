import { Fault } from '../fault.ts';

/** AWS's statuses of a customization job. A waiting job is InProgress too: its phases tell that it waits. */
export type CustomizationJobStatus = 'InProgress' | 'Completed' | 'Failed' | 'Stopping' | 'Stopped';

/** How a job ends without a model. */
export type EndedJobStatus = 'Failed' | 'Stopped';

export type PhaseStatus = 'NotStarted' | 'InProgress' | 'Completed' | 'Stopping' | 'Stopped' | 'Failed';

/** Phases in their order: data validation, data processing, training. */
export const trainingPhases = ['validation', 'dataProcessing', 'training'] as const;
export type TrainingPhase = (typeof trainingPhases)[number];

/** One phase of `statusDetails`; times in milliseconds since the epoch, null while NotStarted. */
export interface PhaseState {
  status: PhaseStatus;
  startedAt: number | null;
  lastModifiedAt: number | null;
}

export type TrainingStatusDetails = Readonly<Record<TrainingPhase, PhaseState>>;

/** A job that was just created: nothing has begun. */
export function newStatusDetails(): TrainingStatusDetails {
  const notStarted: PhaseState = { status: 'NotStarted', startedAt: null, lastModifiedAt: null };
  return { validation: notStarted, dataProcessing: notStarted, training: notStarted };
}

/**
 * Enters a phase: the ones before it are Completed, it is InProgress, later ones stay NotStarted. Entering a phase again
 * (a new attempt) keeps when it first began.
 */
export function enterPhase(details: TrainingStatusDetails, phase: TrainingPhase, now: number): TrainingStatusDetails {
  const index = trainingPhases.indexOf(phase);
  return mapPhases(details, (state, position) => {
    if (position > index) return state;
    return changed(state, position < index ? 'Completed' : 'InProgress', now);
  });
}

/** A phase and all before it are done; the next one waits for its turn. */
export function completePhase(
  details: TrainingStatusDetails,
  phase: TrainingPhase,
  now: number,
): TrainingStatusDetails {
  const index = trainingPhases.indexOf(phase);
  return mapPhases(details, (state, position) => (position <= index ? changed(state, 'Completed', now) : state));
}

/** The user asked to stop: the running phase is Stopping. */
export function stopPhases(details: TrainingStatusDetails, now: number): TrainingStatusDetails {
  return mapPhases(details, state => (state.status === 'InProgress' ? changed(state, 'Stopping', now) : state));
}

/** The job ended: the phase under way takes the job's end; a phase that never began stays NotStarted. */
export function endPhases(
  details: TrainingStatusDetails,
  status: 'Completed' | EndedJobStatus,
  now: number,
): TrainingStatusDetails {
  if (status === 'Completed') return mapPhases(details, state => changed(state, 'Completed', now));
  return mapPhases(details, state =>
    state.status === 'InProgress' || state.status === 'Stopping' ? changed(state, status, now) : state,
  );
}

/** @throws Fault conflict where a job in that status cannot be stopped. */
export function assertStoppable(status: CustomizationJobStatus, jobName: string): void {
  if (status !== 'InProgress')
    throw new Fault(
      'conflict',
      `The model customization job ${jobName} is ${status}; only a job that is InProgress can be stopped.`,
    );
}

export function isEnded(status: CustomizationJobStatus): boolean {
  return status === 'Completed' || status === 'Failed' || status === 'Stopped';
}

function mapPhases(
  details: TrainingStatusDetails,
  change: (state: PhaseState, position: number) => PhaseState,
): TrainingStatusDetails {
  return {
    validation: change(details.validation, 0),
    dataProcessing: change(details.dataProcessing, 1),
    training: change(details.training, 2),
  };
}

function changed(state: PhaseState, status: PhaseStatus, now: number): PhaseState {
  if (state.status === status) return state;
  return { status, startedAt: state.startedAt ?? now, lastModifiedAt: now };
}
