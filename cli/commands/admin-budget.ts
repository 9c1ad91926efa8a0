import { exitCodes } from '../../gpu-job/main.ts';
import { DomainError } from '../../shared/errors.ts';
import type { BudgetOrder, TeamBudget } from '../admin/admin-function.ts';
import { regionOf, requireStageName } from '../admin/stage-settings.ts';
import { budgetsText, limitFlags, typedLimits } from '../budget-limits.ts';
import { runCommand, type CommandIo } from '../command.ts';
import { timeText } from '../table-text.ts';
import { sizeText } from '../transfers/transfer-view.ts';

const stageFlags = {
  stage: { kind: 'text', value: 'STAGE', help: 'which stage [dev]' },
  team: { kind: 'text', value: 'NAME', help: 'whose budget [main]' },
} as const;

const notes = [
  'For whoever runs a stage on AWS: nothing but IAM leads to the function that is asked, lorary-STAGE-admin. On one machine, and',
  'for a team itself, "lorary budget" and "lorary budget set" do the same with a key that may.',
];

/** `lorary admin budget`: what a team of a stage may use, and has. */
export const adminBudget = runCommand({
  name: 'admin budget',
  summary: 'Tell what a team of a stage on AWS may use, has used and has reserved.',
  usage: '[--stage STAGE] [--team NAME]',
  notes,
  examples: ['lorary admin budget --team blue'],
  flags: stageFlags,
  async run({ flags: { stage = 'dev', team = 'main' }, json }, io) {
    return tell(await ask(stage, { action: 'get-budget', team }), json, io);
  },
});

/** `lorary admin set-budget`: limits that a team of a stage cannot lift by asking nicely. */
export const adminSetBudget = runCommand({
  name: 'admin set-budget',
  summary: 'Limit what a team of a stage on AWS may use of machines in a month, and keep in the store.',
  usage: '[--stage STAGE] --team NAME [--dollars N] [--machine-hours N] [--jobs N] [--stored SIZE]',
  notes: [
    ...notes,
    'A limit that is not named stays as it is; "any" takes it away. None is set below what is used and reserved.',
  ],
  examples: [
    'lorary admin set-budget --team blue --dollars 200 --stored 500GB',
    'lorary admin set-budget --team blue --jobs any',
  ],
  flags: { ...stageFlags, ...limitFlags },
  async run({ flags: { stage = 'dev', team = 'main', ...flags }, json }, io) {
    const limits = typedLimits(flags);
    if (Object.keys(limits).length === 0)
      throw new DomainError('usage', 'Say which limit: --dollars, --machine-hours, --jobs or --stored');
    return tell(await ask(stage, { action: 'set-budget', team, limits }), json, io);
  },
});

/** `lorary admin recount`: the bytes of a team are counted anew. */
export const adminRecount = runCommand({
  name: 'admin recount',
  summary: 'Have the stored bytes of a team of a stage on AWS counted anew.',
  usage: '[--stage STAGE] [--team NAME]',
  notes: [
    ...notes,
    'A stage does this by itself once a day. "lorary admin budget" tells what was counted wrong the last time.',
  ],
  examples: ['lorary admin recount --team blue'],
  flags: stageFlags,
  async run({ flags: { stage = 'dev', team = 'main' }, json }, io) {
    return tell(await ask(stage, { action: 'recount', team }), json, io);
  },
});

async function ask(stage: string, order: BudgetOrder): Promise<TeamBudget> {
  requireStageName(stage);
  // the client of AWS, which few commands need to load
  const { askTeamBudget } = await import('../admin/admin-function.ts');
  return askTeamBudget(stage, order, await regionOf(stage));
}

function tell(answer: TeamBudget, json: boolean, io: CommandIo): number {
  const { budget, recount } = answer;
  io.print(json ? JSON.stringify(answer) : budgetsText([budget]));
  if (recount) io.note(recountText(recount));
  return exitCodes.done;
}

function recountText({ at, drift }: NonNullable<TeamBudget['recount']>): string {
  if (at === null) return 'Its bytes are counted anew within minutes; "lorary admin budget" then tells what was wrong.';
  const wrong = drift.map(
    ({ of, counted, is }) =>
      `\n${of} was counted with ${sizeText(counted.bytes)} + ${sizeText(counted.reserved)} and has ${sizeText(is.bytes)}`,
  );
  return `Its bytes were counted anew at ${timeText(at)}: ${wrong.length === 0 ? 'all was right' : wrong.join('')}`;
}
