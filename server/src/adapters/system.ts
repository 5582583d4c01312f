import { randomBytes, randomInt, randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Ids, Time } from '../ports/time.ts';

const RESOURCE_CHARACTERS = 'abcdefghijklmnopqrstuvwxyz0123456789';
const UPPER_CHARACTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';

/** The machine's clock. */
export function systemTime(): Time {
  return {
    now: () => new Date(),
    async sleep(milliseconds, signal) {
      // An aborted sleep ends early instead of throwing: loops look at their signal themselves.
      await delay(milliseconds, undefined, signal ? { signal } : {}).catch(() => undefined);
    },
  };
}

/** Ids from the operating system's random numbers. */
export function systemIds(): Ids {
  return {
    resource: () => pick(RESOURCE_CHARACTERS, 12),
    uuid: () => randomUUID(),
    upper: length => pick(UPPER_CHARACTERS, length),
    bytes: length => randomBytes(length),
  };
}

function pick(characters: string, length: number): string {
  return Array.from({ length }, () => characters[randomInt(characters.length)]).join('');
}
