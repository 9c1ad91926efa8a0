import { getBudget, listBudgets, setBudget } from '../../shared/contract/budgets.ts';
import { exitCodes } from '../../gpu-job/main.ts';
import { DomainError } from '../../shared/errors.ts';
import { budgetsText, limitFlags, typedLimits } from '../budget-limits.ts';
import { runCommand } from '../command.ts';
import { allPages } from '../server/all-pages.ts';
import { connect } from '../server/connect.ts';

/** `lorary budget`: what may be spent, and what was. */
export const budget = runCommand({
  name: 'budget',
  summary: 'Tell what the team and its keys may use this month and keep in the store, have used and have reserved.',
  usage: '[team or KEY]',
  words: { what: 'SUBJECT', min: 0, max: 1 },
  examples: ['lorary budget', 'lorary budget team'],
  flags: {},
  async run({ words: [subject], json }, io) {
    const api = await connect(io);
    const found =
      subject === undefined ? await allPages(api, listBudgets) : [await api.call(getBudget, { params: { subject } })];
    if (json) io.print(JSON.stringify({ budgets: found }));
    else if (found.length === 0)
      io.note('Nothing was used yet and nothing is limited. Set a limit with: lorary budget set team --dollars 100');
    else io.print(budgetsText(found));
    return exitCodes.done;
  },
});

export const budgetSet = runCommand({
  name: 'budget set',
  summary:
    'Limit what the team, or one of its keys, may use of machines in a calendar month (UTC), and keep in the store.',
  usage: 'team or KEY [--dollars N] [--machine-hours N] [--jobs N] [--stored SIZE] [--requests-per-second N]',
  words: { what: 'SUBJECT', min: 1, max: 1 },
  notes: [
    'A limit that is not named stays as it is; "any" takes it away. A job reserves what it may take when it is made, and gives back',
    'what it did not take when it ends; an upload reserves the bytes it announces. Used and reserved never pass the limit.',
  ],
  examples: [
    'lorary budget set team --dollars 200 --jobs 8',
    'lorary budget set 4x8m2k7q --machine-hours 10',
    'lorary budget set team --dollars any',
  ],
  flags: {
    ...limitFlags,
    'requests-per-second': {
      kind: 'text',
      value: 'N',
      help: 'calls of one key, in each process of the server, or any',
    },
  },
  async run({ words: [subject = ''], flags: { 'requests-per-second': rate, ...flags }, json }, io) {
    const body = typedLimits({ ...flags, rate });
    if (Object.keys(body).length === 0)
      throw new DomainError(
        'usage',
        'Say which limit: --dollars, --machine-hours, --jobs, --stored or --requests-per-second',
      );
    const set = await (await connect(io)).call(setBudget, { params: { subject }, body });
    io.print(json ? JSON.stringify({ budget: set }) : budgetsText([set]));
    return exitCodes.done;
  },
});
