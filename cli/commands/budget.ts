import { budgetLimitsSchema, getBudget, listBudgets, setBudget, type Budget } from '../../shared/contract/budgets.ts';
import { exitCodes } from '../../gpu-job/main.ts';
import { DomainError } from '../../shared/errors.ts';
import { runCommand } from '../command.ts';
import { allPages } from '../server/all-pages.ts';
import { connect } from '../server/connect.ts';
import { tableText } from '../table-text.ts';

/** `lorary budget`: what may be spent, and what was. */
export const budget = runCommand({
  name: 'budget',
  summary: 'Tell what the team and its keys may use of machines this month, have used and have reserved.',
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
  summary: 'Limit what the team, or one of its keys, may use of machines in a calendar month (UTC).',
  usage: 'team or KEY [--dollars N] [--machine-hours N] [--jobs N] [--requests-per-second N]',
  words: { what: 'SUBJECT', min: 1, max: 1 },
  notes: [
    'A limit that is not named stays as it is; "any" takes it away. A job reserves what it may take when it is made, and gives back',
    'what it did not take when it ends, so that used and reserved together never pass the limit.',
  ],
  examples: [
    'lorary budget set team --dollars 200 --jobs 8',
    'lorary budget set 4x8m2k7q --machine-hours 10',
    'lorary budget set team --dollars any',
  ],
  flags: {
    dollars: { kind: 'text', value: 'N', help: 'dollars a month, or any' },
    'machine-hours': { kind: 'text', value: 'N', help: 'hours of machines a month, all together, or any' },
    jobs: { kind: 'text', value: 'N', help: 'jobs that have not ended, at a time, or any' },
    'requests-per-second': {
      kind: 'text',
      value: 'N',
      help: 'calls of one key, in each process of the server, or any',
    },
  },
  async run(
    {
      words: [subject = ''],
      flags: { dollars, 'machine-hours': machineHours, jobs, 'requests-per-second': rate },
      json,
    },
    io,
  ) {
    const body = {
      ...limitOf('dollars', dollars),
      ...limitOf('machineHours', machineHours),
      ...limitOf('jobs', jobs),
      ...limitOf('requestsPerSecond', rate),
    };
    if (Object.keys(body).length === 0)
      throw new DomainError('usage', 'Say which limit: --dollars, --machine-hours, --jobs or --requests-per-second');
    const set = await (await connect(io)).call(setBudget, { params: { subject }, body });
    io.print(json ? JSON.stringify({ budget: set }) : budgetsText([set]));
    return exitCodes.done;
  },
});

function limitOf(name: keyof typeof budgetLimitsSchema.shape, text: string | undefined): object {
  if (text === undefined) return {};
  if (text === 'any') return { [name]: null };
  const parsed = budgetLimitsSchema.shape[name].safeParse(Number(text));
  if (text.trim() === '' || !parsed.success)
    throw new DomainError(
      'usage',
      `"${text}" is no limit for ${name}: give a number from 0 on (of jobs a whole one), or "any".`,
    );
  return { [name]: parsed.data };
}

function budgetsText(budgets: readonly Budget[]): string {
  const of = (limit: number | null, text: (value: number) => string): string =>
    limit === null ? '' : ` of ${text(limit)}`;
  return tableText(
    ['budget of', 'month', 'dollars', 'machine hours', 'jobs', 'calls a second'],
    budgets.map(({ subject, month, limits, used, reserved }) => [
      subject,
      month,
      `${dollars(used.dollars)} + ${dollars(reserved.dollars)}${of(limits.dollars, dollars)}`,
      `${hours(used.machineHours)} + ${hours(reserved.machineHours)}${of(limits.machineHours, hours)}`,
      `${reserved.jobs}${of(limits.jobs, String)}`,
      limits.requestsPerSecond === null ? 'any' : String(limits.requestsPerSecond),
    ]),
  );
}

const dollars = (value: number): string => `$${value.toFixed(2)}`;
const hours = (value: number): string => value.toFixed(2);
