import type { KyselyPlugin } from 'kysely';

/** Statements that follow each other keep the event loop for so long at most, and one statement more. */
const TURN_MILLISECONDS = 15;

/**
 * Lets others have their turn between the statements of a long piece of work. SQLite answers at once, so awaiting it alone
 * never returns to the event loop: without this, a thousand keys deleted in one transaction, or a hundred thousand in one
 * transaction each, would hold up every other request until the last of them.
 */
export function fairTurns(): KyselyPlugin {
  let beganAt: number | undefined;

  function begin(): void {
    beganAt = performance.now();
    setImmediate(() => {
      beganAt = undefined;
    });
  }

  return {
    transformQuery: ({ node }) => node,
    async transformResult({ result }) {
      if (beganAt === undefined) begin();
      else if (performance.now() - beganAt > TURN_MILLISECONDS) await new Promise<void>(setImmediate);
      return result;
    },
  };
}
