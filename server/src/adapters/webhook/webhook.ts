import { createHmac } from 'node:crypto';
import type { EventDestination } from '../../ports/events.ts';
import type { Time } from '../../ports/time.ts';

const TIMEOUT_MILLISECONDS = 10_000;

/**
 * Posts each event to a URL as JSON, signed: `x-likeness-signature: t=<seconds>,v1=<hex>`, an HMAC-SHA256 under the secret
 * over `<seconds>.<body>`. Any status of 2xx says that the receiver has it.
 */
export function createWebhook({ url, secret, time }: { url: string; secret: string; time: Time }): EventDestination {
  return {
    name: 'webhook',
    batchSize: 1,
    takesEachAlone: true,
    async deliver(events) {
      for (const event of events) {
        const body = JSON.stringify(event);
        const seconds = Math.floor(time.now().getTime() / 1000);
        const signature = createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex');
        const answer = await fetch(url, {
          method: 'POST',
          headers: {
            'content-type': 'application/json',
            'user-agent': 'likeness',
            'x-likeness-event-id': event.id,
            'x-likeness-signature': `t=${seconds},v1=${signature}`,
          },
          body,
          // An event, and its signature, go where the setting says and nowhere else.
          redirect: 'manual',
          signal: AbortSignal.timeout(TIMEOUT_MILLISECONDS),
        });
        await answer.body?.cancel();
        if (!answer.ok) throw new Error(`The webhook answered ${answer.status}.`);
      }
    },
  };
}
