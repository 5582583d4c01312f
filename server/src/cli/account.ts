import { CliFailure } from './failure.ts';
import { onInstallation, type Server } from './installation.ts';
import { settings } from './settings.ts';
import { callRoute } from './signed-call.ts';

interface AccountFlags {
  data?: string;
  id?: string;
  name?: string;
}

type Command = 'create' | 'list' | 'disable' | 'enable';

/** Makes, lists, disables and enables accounts, on a running installation or a stopped one, and prints JSON. */
export async function account(command: Command, flags: AccountFlags, environment: NodeJS.ProcessEnv): Promise<void> {
  const config = settings(flags, environment);
  if (flags.id !== undefined && !/^\d{12}$/.test(flags.id))
    throw new CliFailure(`--id must be 12 digits; it is "${flags.id}".`);
  const answer = await onInstallation<unknown>(config, {
    server: server => throughServer(server, command, flags),
    async folder() {
      const { openAccounts } = await import('../main.ts');
      const accounts = await openAccounts(config);
      try {
        if (command === 'create') return await accounts.create({ accountId: flags.id ?? '', name: flags.name ?? null });
        if (command === 'list') return { accounts: await accounts.list() };
        return await accounts.setDisabled(flags.id ?? '', command === 'disable');
      } finally {
        await accounts.close();
      }
    },
  });
  console.log(JSON.stringify(answer, null, 2));
}

async function throughServer(server: Server, command: Command, { id, name }: AccountFlags): Promise<unknown> {
  if (command === 'create')
    return await callRoute(server, 'POST', '/accounts', { accountId: id, ...(name && { name }) });
  if (command === 'list') return await callRoute(server, 'GET', '/accounts');
  return await callRoute(server, 'POST', `/accounts/${id}/${command}`);
}
