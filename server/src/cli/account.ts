import { existsSync } from 'node:fs';
import { isInUse, lockDataFolder, readCredentials, readEndpoint } from '../data-folder.ts';
import { CliFailure } from './failure.ts';
import { settings } from './settings.ts';
import { shownPath } from './shown-path.ts';
import { callRoute } from './signed-call.ts';

interface AccountFlags {
  data?: string;
  id?: string;
  name?: string;
}

type Command = 'create' | 'list' | 'disable' | 'enable';

/**
 * Makes, lists, disables and enables accounts and prints what came of it as JSON: through the server where one runs on
 * the data folder, else on the folder itself, which is locked meanwhile.
 */
export async function account(command: Command, flags: AccountFlags, environment: NodeJS.ProcessEnv): Promise<void> {
  const config = settings(flags, environment);
  const folder = config.dataDirectory;
  if (flags.id !== undefined && !/^\d{12}$/.test(flags.id))
    throw new CliFailure(`--id must be 12 digits; it is "${flags.id}".`);
  if (!existsSync(folder))
    throw new CliFailure(
      `no service has run on ${shownPath(folder)} yet. Start one: npx --no-install likeness up --data ${shownPath(folder)}`,
    );
  const answer = isInUse(folder) ? await throughServer(folder, command, flags) : await onFolder();
  console.log(JSON.stringify(answer, null, 2));

  async function onFolder(): Promise<unknown> {
    const unlock = lockDataFolder(folder);
    try {
      const { openAccounts } = await import('../main.ts');
      const accounts = await openAccounts(config);
      try {
        return await run(accounts);
      } finally {
        await accounts.close();
      }
    } finally {
      unlock();
    }
  }

  async function run(accounts: Awaited<ReturnType<typeof import('../main.ts').openAccounts>>): Promise<unknown> {
    if (command === 'create') return accounts.create({ accountId: flags.id ?? '', name: flags.name ?? null });
    if (command === 'list') return { accounts: await accounts.list() };
    return accounts.setDisabled(flags.id ?? '', command === 'disable');
  }
}

async function throughServer(folder: string, command: Command, { id, name }: AccountFlags): Promise<unknown> {
  const running = readEndpoint(folder);
  const credentials = readCredentials(folder);
  if (!running || !credentials)
    throw new CliFailure(`the server on ${shownPath(folder)} is starting or stopping; try again in a moment.`);
  const server = { ...running, ...credentials };
  if (command === 'create')
    return await callRoute(server, 'POST', '/accounts', { accountId: id, ...(name && { name }) });
  if (command === 'list') return await callRoute(server, 'GET', '/accounts');
  return await callRoute(server, 'POST', `/accounts/${id}/${command}`);
}
