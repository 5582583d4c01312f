/** What every client of the AWS SDK is made with: this origin, the chosen Region, the session's credentials. */
import { currentRegion } from '../app/preferences.ts';
import { currentCredentials, signInCount } from '../app/session.ts';
import { callSigned, type SignedCall } from './likeness.ts';

interface ClientSettings {
  endpoint: string;
  region: string;
  credentials: () => ReturnType<typeof currentCredentials>;
  maxAttempts: number;
}

/**
 * One client a sign-in and Region, made when it is first asked for.
 * @param make `settings => new BedrockClient(settings)`
 */
export function clientPerRegion<Client>(make: (settings: ClientSettings) => Client): () => Client {
  const made = new Map<string, Client>();
  return () => {
    const region = currentRegion();
    const owner = `${signInCount()} ${region}`;
    const existing = made.get(owner);
    if (existing !== undefined) return existing;
    const client = make({
      endpoint: window.location.origin,
      region,
      // Asked before each request, so that a renewed session is used and one that ended is not.
      credentials: currentCredentials,
      maxAttempts: 2,
    });
    made.set(owner, client);
    return client;
  };
}

type RouteCall = Omit<SignedCall, 'region' | 'credentials'>;

/** A route of the product's own, as the session. @throws ServiceError */
export async function callRoute<Answer>(call: RouteCall): Promise<Answer> {
  return (await openRoute(call)).json();
}

/** The same for answers that are streams. */
export async function openRoute(call: RouteCall): Promise<Response> {
  return callSigned({ ...call, region: currentRegion(), credentials: await currentCredentials() });
}
