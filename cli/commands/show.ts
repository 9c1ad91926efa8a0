import type { OperationOutput } from '../../shared/contract/operation.ts';
import { getVersion, getVersionChecks, type Version } from '../../shared/contract/versions.ts';
import { exitCodes } from '../../gpu-job/main.ts';
import { runCommand } from '../command.ts';
import { findingText } from '../error-text.ts';
import { asFindings } from '../server/as-findings.ts';
import { connect } from '../server/connect.ts';
import { snippetsText } from '../server/snippets.ts';
import { withSuggestions } from '../server/suggest.ts';
import { parseVersionName } from '../server/version-name.ts';
import { plain, tableText, timeText } from '../table-text.ts';
import { sizeText } from '../transfers/transfer-view.ts';

/** `lorary show`: everything that is known of a version. */
export const show = runCommand({
  name: 'show',
  summary: 'Tell all about a version: checks, where it comes from, which engines serve it, and how to use it.',
  usage: 'NAME[@VERSION] [--modules]',
  words: { what: 'NAME', min: 1, max: 1 },
  examples: ['lorary show french', 'lorary show french@3 --modules', 'lorary show french@production --json'],
  flags: { modules: { kind: 'switch', help: 'every module with its rank and the norm of its delta' } },
  async run({ words: [text = ''], flags: { modules }, json }, io) {
    const api = await connect(io);
    const { adapter, version } = parseVersionName(text);
    const found = await withSuggestions(api, { adapter: [adapter] }, () =>
      api.call(getVersion, { params: { adapter, version } }),
    );
    const params = { adapter, version: found.id };
    const checks = found.checks === null ? undefined : await api.call(getVersionChecks, { params });
    if (json) io.print(JSON.stringify({ version: found, checks: checks ?? null }));
    else {
      io.print(versionText(found));
      if (checks) io.print(checksText(checks, modules));
      if (checks) io.print(`\n${await snippetsText(api, found)}`);
    }
    return exitCodes.done;
  },
});

function versionText(version: Version): string {
  const { adapter, id, state, base, files, sizeBytes, notes, aliases, checks, createdAt, publishedAt } = version;
  return [
    `${adapter}@${version.version ?? id}: ${state}${aliases.length > 0 ? `, ${aliases.join(', ')}` : ''}`,
    `id ${id}, made ${timeText(createdAt)}${publishedAt === undefined ? '' : `, published ${timeText(publishedAt)}`}`,
    ...(version.withdrawnBecause === undefined ? [] : [`withdrawn: ${plain(version.withdrawnBecause)}`]),
    `of the base ${base}; ${lineageText(version)}`,
    ...(notes === '' ? [] : [`notes: ${plain(notes)}`]),
    ...(checks === null ? [] : checkLines(checks)),
    ...asFindings(version.findings).map((finding) => `${finding.severity}: ${findingText(finding)}`),
    '',
    `${files.length} files, ${sizeText(sizeBytes)}`,
    tableText(
      ['file', 'size', 'SHA-256'],
      files.map((file) => [file.path, sizeText(file.sizeBytes), file.sha256]),
    ),
  ].join('\n');
}

function checkLines(checks: NonNullable<Version['checks']>): string[] {
  const { peftType, summary, ranks, dtypes, parameters, deltaNorm, usable, unusableBecause } = checks;
  const norm = deltaNorm === null ? '' : `, norm of all deltas ${deltaNorm.toPrecision(4)}`;
  return [
    `${peftType}: ${summary}; rank ${ranks.join(', ')}, ${dtypes.join(', ')}, ${parameters.toLocaleString('en')} parameters${norm}`,
    ...(usable ? [] : [`It is kept, but cannot be composed, merged or evaluated here: ${unusableBecause.join('; ')}`]),
  ];
}

function lineageText({ lineage }: Version): string {
  const { moved } = lineage;
  if (moved === undefined) return madeText(lineage);
  return `moved here from another installation, where it was ${moved.id}, made ${timeText(moved.createdAt)}: ${madeText(moved.lineage)}`;
}

function madeText({ origin, jobId, parents = [], datasets = [] }: Omit<Version['lineage'], 'moved'>): string {
  const from = [
    ...parents.map(
      (parent) =>
        `${parent.adapter}@${parent.version}${parent.weight === undefined ? '' : ` (weight ${parent.weight})`}`,
    ),
    ...datasets.map(({ name }) => `the rows ${name}`),
  ];
  const what = {
    upload: 'sent by someone',
    train: 'trained',
    compose: 'composed',
    merge: 'merged',
    import: 'imported',
  }[origin];
  return `${what}${from.length > 0 ? ` from ${from.join(', ')}` : ''}${jobId === undefined ? '' : ` by ${jobId}`}`;
}

function checksText({ modules, servability }: OperationOutput<typeof getVersionChecks>, all: boolean): string {
  const silent = modules.filter(({ effective }) => !effective);
  return [
    ...(servability.length > 0
      ? ['', tableText(['engine', 'verdict', 'why, and with which settings'], servability.map(engineRow))]
      : []),
    ...(silent.length > 0 ? ['', `Modules that do nothing: ${silent.map(({ module }) => module).join(', ')}`] : []),
    ...(all
      ? [
          '',
          tableText(
            ['module', 'r', 'dtype', 'norm of the delta'],
            modules.map(({ module, r, dtype, deltaNorm }) => [module, r, dtype, deltaNorm?.toPrecision(4) ?? '-']),
          ),
        ]
      : []),
  ].join('\n');
}

const engineRow = (one: OperationOutput<typeof getVersionChecks>['servability'][number]): string[] => [
  one.engine,
  one.verdict,
  [...one.reasons, ...one.settings].join('; ') || '-',
];
