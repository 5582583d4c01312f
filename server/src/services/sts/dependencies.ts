import type { Vault } from '../../ports/keys.ts';
import type { Store } from '../../ports/store.ts';
import type { Ids, Time } from '../../ports/time.ts';

export interface StsDependencies {
  store: Store;
  vault: Vault;
  ids: Ids;
  time: Time;
}
