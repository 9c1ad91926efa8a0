import { budgetLimitsSchema, type Budget } from '../shared/contract/budgets.ts';
import { DomainError } from '../shared/errors.ts';
import { tableText } from './table-text.ts';
import { sizeText } from './transfers/transfer-view.ts';

/** Flags of every command that sets limits. */
export const limitFlags = {
  dollars: { kind: 'text', value: 'N', help: 'dollars a month, or any' },
  'machine-hours': { kind: 'text', value: 'N', help: 'hours of machines a month, all together, or any' },
  jobs: { kind: 'text', value: 'N', help: 'jobs that have not ended, at a time, or any' },
  stored: { kind: 'text', value: 'SIZE', help: 'bytes of files that are kept, such as 200GB, or any' },
} as const;

/** Limits as they were typed; those that were not are not in it. Throws `DomainError('usage')`. */
export function typedLimits(
  flags: { readonly [K in keyof typeof limitFlags]?: string | undefined } & { readonly rate?: string | undefined },
): object {
  return {
    ...limitOf('dollars', flags.dollars),
    ...limitOf('machineHours', flags['machine-hours']),
    ...limitOf('jobs', flags.jobs),
    ...limitOf('storedBytes', flags.stored),
    ...limitOf('requestsPerSecond', flags.rate),
  };
}

function limitOf(name: keyof typeof budgetLimitsSchema.shape, text: string | undefined): object {
  if (text === undefined) return {};
  if (text === 'any') return { [name]: null };
  const value = name === 'storedBytes' ? bytesOf(text) : Number(text);
  const parsed = budgetLimitsSchema.shape[name].safeParse(value);
  const form =
    name === 'storedBytes' ? 'a size such as 500MB, 200GB or 2TB' : 'a number from 0 on (of jobs a whole one)';
  if (text.trim() === '' || !parsed.success)
    throw new DomainError('usage', `"${text}" is no limit for ${name}: give ${form}, or "any".`);
  return { [name]: parsed.data };
}

const units: Readonly<Record<string, number>> = { '': 1, B: 1, KB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 };

function bytesOf(text: string): number {
  const [, number = '', unit = ''] = /^(\d+(?:\.\d+)?) ?([kKMGT]?B)?$/.exec(text) ?? [];
  return number === '' ? NaN : Math.floor(Number(number) * (units[unit.toUpperCase()] ?? NaN));
}

export function budgetsText(budgets: readonly Budget[]): string {
  const of = (limit: number | null, text: (value: number) => string): string =>
    limit === null ? '' : ` of ${text(limit)}`;
  return tableText(
    ['budget of', 'month', 'dollars', 'machine hours', 'jobs', 'stored', 'calls a second'],
    budgets.map(({ subject, month, limits, used, reserved }) => [
      subject,
      month,
      `${dollars(used.dollars)} + ${dollars(reserved.dollars)}${of(limits.dollars, dollars)}`,
      `${hours(used.machineHours)} + ${hours(reserved.machineHours)}${of(limits.machineHours, hours)}`,
      `${reserved.jobs}${of(limits.jobs, String)}`,
      `${sizeText(used.storedBytes)} + ${sizeText(reserved.storedBytes)}${of(limits.storedBytes, sizeText)}`,
      limits.requestsPerSecond === null ? 'any' : String(limits.requestsPerSecond),
    ]),
  );
}

const dollars = (value: number): string => `$${value.toFixed(2)}`;
const hours = (value: number): string => value.toFixed(2);
