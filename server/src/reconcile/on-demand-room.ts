/**
 * Room for the processes that draw on demand: what the machine may hold less the units that are bought. Bought units come
 * first; where there is no room, the process that has been idle longest ends for the one that is asked for.
 */
import { Fault } from '../domain/fault.ts';

/** A process that draws on demand. */
export interface OnDemandProcess {
  /** No request is in hand or waits, and it is not starting. */
  isIdle: boolean;
  lastUsedAt: number;
  /** Takes it out at once; it ends when it may. */
  end(): void;
}

export type OnDemandRoom = ReturnType<typeof onDemandRoom>;

/** @param processes all that run or start now */
export function onDemandRoom(capacity: () => number, processes: () => OnDemandProcess[]) {
  let bought = 0;

  /** @returns whether one idle process was ended */
  function endIdlest(): boolean {
    const idle = processes().filter(process => process.isIdle);
    const [idlest] = idle.sort((a, b) => a.lastUsedAt - b.lastUsedAt);
    idlest?.end();
    return idlest !== undefined;
  }

  return {
    /** What is bought now: idle processes that it leaves no room for end; busy ones when they are idle. */
    keep(boughtUnits: number): void {
      bought = boughtUnits;
      while (bought + processes().length > capacity()) if (!endIdlest()) return;
    },

    /** Before another process starts. @throws Fault unavailable */
    take(): void {
      const running = processes().length;
      if (bought + running < capacity() || (bought < capacity() && endIdlest())) return;
      throw new Fault(
        'unavailable',
        `This server may run ${capacity()} model units at once (LIKENESS_MODEL_UNITS): ${bought} are bought, and ${running} processes draw on demand. Try again later, delete a Provisioned Throughput, or raise the limit.`,
      );
    },
  };
}
