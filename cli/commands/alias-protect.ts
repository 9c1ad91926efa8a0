import {
  approveVersion,
  gateMetrics,
  getProtection,
  protectAlias,
  unprotectAlias,
} from '../../shared/contract/protections.ts';
import type { AliasProtection } from '../../shared/contract/protections.ts';
import { getVersion } from '../../shared/contract/versions.ts';
import { exitCodes } from '../../gpu-job/main.ts';
import { DomainError } from '../../shared/errors.ts';
import { runCommand } from '../command.ts';
import { connect } from '../server/connect.ts';
import { withSuggestions } from '../server/suggest.ts';
import { parseVersionName } from '../server/version-name.ts';

/** `lorary alias protect`: by which rules an alias is moved. */
export const aliasProtect = runCommand({
  name: 'alias protect',
  summary: 'Protect an alias: only a promotion moves it, by the rules that are given.',
  usage: 'NAME ALIAS [--metric METRIC --data DATASET --min X | --max X] [--approval] | --show | --remove',
  words: { what: 'NAME ALIAS', min: 2, max: 2 },
  notes: [
    'A protected alias is moved by lorary alias and lorary rollback, never along with an upload, and is not removed. With --metric a promotion',
    'names an evaluation of all rows of DATASET (lorary alias NAME@VERSION ALIAS --evaluation JOB); with --approval somebody else has to have',
    'approved the version (lorary alias approve). A rollback goes by neither.',
  ],
  examples: [
    'lorary alias protect french production --metric loss --max 1.4 --data held-out --approval',
    'lorary alias protect french production --show',
  ],
  flags: {
    metric: { kind: 'text', value: 'METRIC', help: gateMetrics.join(', ') },
    data: { kind: 'text', value: 'DATASET', help: 'that it is measured on' },
    min: { kind: 'number', value: 'X', help: 'the figure is at least this' },
    max: { kind: 'number', value: 'X', help: 'the figure is at most this' },
    approval: { kind: 'switch', help: 'another key, not of the same service account, must have approved' },
    show: { kind: 'switch', help: 'the rules there are' },
    remove: { kind: 'switch', help: 'take the protection away' },
  },
  async run({ words: [adapter = '', alias = ''], flags, json }, io) {
    const api = await connect(io);
    const params = { adapter, alias };
    const asked = <T>(ask: () => Promise<T>): Promise<T> => withSuggestions(api, { adapter: [adapter] }, ask);
    if (flags.remove) {
      await asked(() => api.call(unprotectAlias, { params }));
      io.print(json ? JSON.stringify({ removed: alias }) : `${adapter}@${alias} is not protected any more.`);
      return exitCodes.done;
    }
    const body = { ...gateOf(flags), approval: flags.approval };
    const protection = await asked(() =>
      flags.show ? api.call(getProtection, { params }) : api.call(protectAlias, { params, body }),
    );
    io.print(json ? JSON.stringify(protection) : `${adapter}@${alias} is protected: ${rulesText(protection)}.`);
    return exitCodes.done;
  },
});

/** `lorary alias approve`: the other half of a promotion that needs two. */
export const aliasApprove = runCommand({
  name: 'alias approve',
  summary:
    'Approve that somebody else points a protected alias to a version: another key, not of the same service account.',
  usage: 'NAME@VERSION ALIAS',
  words: { what: 'NAME@VERSION ALIAS', min: 2, max: 2 },
  examples: ['lorary alias approve french@3 production'],
  flags: {},
  async run({ words: [text = '', alias = ''], json }, io) {
    const api = await connect(io);
    const { adapter, version } = parseVersionName(text);
    const target = await withSuggestions(api, { adapter: [adapter] }, () =>
      api.call(getVersion, { params: { adapter, version } }),
    );
    if (target.version === null) throw new DomainError('not-published', `${text} is not published (${target.state}).`);
    const approval = await api.call(approveVersion, { params: { adapter, alias }, body: { version: target.version } });
    io.print(
      json
        ? JSON.stringify(approval)
        : `Approved. With another key: lorary alias ${adapter}@${target.version} ${alias}`,
    );
    return exitCodes.done;
  },
});

interface GateFlags {
  readonly metric?: string | undefined;
  readonly data?: string | undefined;
  readonly min?: number | undefined;
  readonly max?: number | undefined;
}

function gateOf({ metric, data, min, max }: GateFlags) {
  if ([metric, data, min, max].every((flag) => flag === undefined)) return {};
  const known = gateMetrics.find((one) => one === metric);
  if (known === undefined || data === undefined || (min === undefined && max === undefined))
    throw new DomainError('usage', `A gate needs --metric (${gateMetrics.join(', ')}), --data, and --min or --max.`);
  return {
    gate: {
      metric: known,
      dataset: data,
      ...(min === undefined ? {} : { min }),
      ...(max === undefined ? {} : { max }),
    },
  };
}

function rulesText({ gate, approval }: AliasProtection): string {
  const rules = [
    ...(gate
      ? [
          `an evaluation on all ${gate.rows} rows of ${gate.dataset} has to show a ${gate.metric} of ${[
            ...(gate.min === undefined ? [] : [`at least ${gate.min}`]),
            ...(gate.max === undefined ? [] : [`at most ${gate.max}`]),
          ].join(' and ')}`,
        ]
      : []),
    ...(approval ? ['another key has to approve'] : []),
  ];
  return rules.length > 0 ? rules.join('; ') : 'only a promotion moves it';
}
