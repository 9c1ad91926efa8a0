import { tableText } from '../table-text.ts';
import { sizeText } from '../transfers/transfer-view.ts';
import type { Done, Left } from './outcome.ts';
import type { MovePlan } from './plan-move.ts';

/** What a plan would move, as the same list that moving gives. */
export function summaryOf(plan: MovePlan): {
  readonly moves: readonly Done[];
  readonly left: readonly Left[];
  readonly thereCount: number;
  readonly bytes: number;
} {
  const { bases, datasets, adapters, compositions, left, thereCount } = plan;
  const moves: Done[] = [
    ...bases.map(({ name, sizeBytes, source }) => ({
      what: `the base ${name}${source.kind === 'huggingface' ? ', fetched there from Hugging Face' : ''}`,
      bytes: source.kind === 'huggingface' ? 0 : sizeBytes,
    })),
    ...datasets.map(({ name, sizeBytes }) => ({ what: `the dataset ${name}`, bytes: sizeBytes })),
    ...adapters.flatMap(adapterMoves),
    ...compositions.map(({ name }) => ({ what: `the composition ${name}`, bytes: 0 })),
    ...adapters.flatMap(({ adapter: { name }, withdrawals, aliases }) => [
      ...withdrawals.map(({ version }) => ({ what: `the withdrawal of ${name}@${version}`, bytes: 0 })),
      ...aliases.map(([alias]) => ({ what: `${name}@${alias}`, bytes: 0 })),
    ]),
  ];
  return { moves, left, thereCount, bytes: moves.reduce((sum, one) => sum + one.bytes, 0) };
}

function adapterMoves({ adapter: { name }, isNew, versions, nextNumber }: MovePlan['adapters'][number]): Done[] {
  return [
    ...(isNew ? [{ what: `the adapter ${name}`, bytes: 0 }] : []),
    ...versions.map(({ version, sizeBytes }, at) => ({
      what: `${name}@${version}`,
      bytes: sizeBytes,
      ...(nextNumber + at === version ? {} : { as: `${name}@${nextNumber + at}` }),
    })),
  ];
}

export function planText(plan: MovePlan, url: string): string {
  const { moves, left, thereCount, bytes } = summaryOf(plan);
  const rows = moves.map(({ what, as = '', bytes: size }) => [what, size > 0 ? sizeText(size) : '-', as]);
  return [
    ...(rows.length > 0 ? [tableText(['what', 'size', 'there'], rows), ''] : []),
    ...left.map(leftText),
    `${moves.length} things and ${sizeText(bytes)} would go to ${url}; ${thereCount} are there already.`,
    staysText,
  ].join('\n');
}

export const leftText = ({ what, why }: Left): string => `stays here: ${what}: ${why}`;

export function movedText(done: readonly Done[], left: readonly Left[], thereCount: number, url: string): string {
  const bytes = done.reduce((sum, one) => sum + one.bytes, 0);
  const conflicts = left.filter(({ conflict }) => conflict).length;
  const counted = `${done.length} things and ${sizeText(bytes)} went to ${url}; ${thereCount} were there already.`;
  return conflicts > 0 ? `${counted} ${conflicts} could not go: see above.` : `${counted} ${staysText}`;
}

/** What no call of the API takes. */
const staysText = 'Keys, jobs, the audit and the history of aliases stay here.';
