import { roles } from '../../shared/contract/scopes.ts';
import {
  createServiceAccount,
  listServiceAccounts,
  updateServiceAccount,
} from '../../shared/contract/service-accounts.ts';
import { exitCodes } from '../../gpu-job/main.ts';
import { runCommand, type RunCommand } from '../command.ts';
import { readWord } from '../read-words.ts';
import { allPages } from '../server/all-pages.ts';
import { connect } from '../server/connect.ts';
import { tableText, timeText } from '../table-text.ts';

/** `lorary service-accounts`: what has keys and is no person. */
export const serviceAccountsLs = runCommand({
  name: 'service-accounts',
  aliases: ['service-accounts ls'],
  summary: 'List the service accounts of the team.',
  usage: '',
  examples: ['lorary service-accounts'],
  flags: {},
  async run({ json }, io) {
    const accounts = await allPages(await connect(io), listServiceAccounts);
    if (json) io.print(JSON.stringify({ serviceAccounts: accounts }));
    else if (accounts.length === 0)
      io.note('There are none. Make one with: lorary service-accounts create NAME --role ROLE');
    else
      io.print(
        tableText(
          ['name', 'role', 'adapters', 'made', 'state'],
          accounts.map(({ name, role, adapterPrefix, createdAt, disabledAt }) => [
            name,
            role,
            adapterPrefix === null ? 'all' : `${adapterPrefix}...`,
            timeText(createdAt),
            disabledAt === null ? 'works' : `disabled ${timeText(disabledAt)}`,
          ]),
        ),
      );
    return exitCodes.done;
  },
});

export const serviceAccountsCreate = runCommand({
  name: 'service-accounts create',
  summary: 'Make a service account, such as that of a pipeline. Its keys never do more than its role.',
  usage: 'NAME --role ROLE [--prefix PREFIX] [--description TEXT]',
  words: { what: 'NAME', min: 1, max: 1 },
  notes: [`Roles: ${roles.join(', ')}. Then: lorary keys create KEY --service-account NAME`],
  examples: ['lorary service-accounts create ci --role contributor --prefix search-'],
  flags: {
    role: { kind: 'text', value: 'ROLE', help: 'what its keys may do at most' },
    prefix: { kind: 'text', value: 'PREFIX', help: 'only adapters whose names begin so exist for its keys' },
    description: { kind: 'text', value: 'TEXT', help: 'what it is for' },
  },
  async run({ words: [name = ''], flags, json }, io) {
    const { role = '', prefix, description } = flags;
    const body = {
      name,
      role: readWord('--role', role, roles),
      ...(prefix === undefined ? {} : { adapterPrefix: prefix }),
      ...(description === undefined ? {} : { description }),
    };
    const made = await (await connect(io)).call(createServiceAccount, { body });
    io.print(
      json
        ? JSON.stringify(made)
        : `The service account "${name}" (${made.role}). Its first key: lorary keys create KEY --service-account ${name}`,
    );
    return exitCodes.done;
  },
});

export const serviceAccountsDisable = switching(true);
export const serviceAccountsEnable = switching(false);

function switching(disabled: boolean): RunCommand {
  const verb = disabled ? 'disable' : 'enable';
  return runCommand({
    name: `service-accounts ${verb}`,
    summary: disabled
      ? 'Disable a service account with all of its keys, at once.'
      : 'Let the keys of a disabled service account work again.',
    usage: 'NAME',
    words: { what: 'NAME', min: 1, max: 1 },
    examples: [`lorary service-accounts ${verb} ci`],
    flags: {},
    async run({ words: [account = ''], json }, io) {
      const changed = await (await connect(io)).call(updateServiceAccount, { params: { account }, body: { disabled } });
      const told = disabled ? 'No key of it opens anything any more.' : 'Its keys work again.';
      io.print(json ? JSON.stringify(changed) : `${account} is ${verb}d. ${told}`);
      return exitCodes.done;
    },
  });
}
