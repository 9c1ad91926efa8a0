import type { NamedForm, Subject } from '../command.ts';

/** The base and the adapter of a spec, where it has them. */
export const baseAndAdapter: NamedForm['subjects'] = ({ base, adapter }) => [
  ...subjectOf(base, 'config.json'),
  ...subjectOf(adapter, 'adapter_config.json'),
];

/** The base alone. */
export const baseAlone: NamedForm['subjects'] = ({ base }) => subjectOf(base, 'config.json');

/** The base of a training that stands inside another spec. */
export const baseOfTraining: NamedForm['subjects'] = ({ train }) =>
  subjectOf((train as { base?: unknown } | undefined)?.base, 'config.json');

/** The base, and what training goes on from: what it makes has a name or a folder of its own. */
export const baseAndStart: NamedForm['subjects'] = ({ base, method }) => [
  ...subjectOf(base, 'config.json'),
  ...subjectOf((method as { from?: unknown } | undefined)?.from, 'adapter_config.json'),
];

export const members: NamedForm['subjects'] = (spec) =>
  membersOf(spec).flatMap(({ adapter }) => subjectOf(adapter, 'adapter_config.json'));

/** Members as `compose` puts them into its spec. */
export function membersOf(spec: Readonly<Record<string, unknown>>): readonly { adapter: string; weight?: unknown }[] {
  const { members: given } = spec;
  return Array.isArray(given) ? (given as { adapter: string; weight?: unknown }[]) : []; // `compose.words` has written them
}

const subjectOf = (text: unknown, file: Subject['file']): readonly Subject[] =>
  typeof text === 'string' ? [{ text, file }] : [];
