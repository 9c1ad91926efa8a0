import { listLineage } from '../../shared/contract/lineage.ts';
import { exitCodes } from '../../gpu-job/main.ts';
import { DomainError } from '../../shared/errors.ts';
import { limits } from '../../shared/limits.ts';
import { runCommand } from '../command.ts';
import { lineageText } from '../lineage-text.ts';
import { allPages } from '../server/all-pages.ts';
import { connect } from '../server/connect.ts';
import { withSuggestions } from '../server/suggest.ts';

/** `lorary lineage`: of what something was made, and what was made with it. */
export const lineage = runCommand({
  name: 'lineage',
  summary: 'Show what a version, base or dataset was made of, or with --down what was made with it, as a tree.',
  usage: 'NAME[@VERSION] | --base BASE | --data DATASET [--down]',
  words: { what: 'NAME', min: 0, max: 1 },
  notes: [
    'What was published before this was noted is not in it. Without @VERSION it is the latest; with --down, any.',
  ],
  examples: ['lorary lineage french@3', 'lorary lineage --data letters --down'],
  flags: {
    base: { kind: 'text', value: 'BASE', help: 'of this base' },
    data: { kind: 'text', value: 'DATASET', help: 'of this dataset' },
    down: { kind: 'switch', help: 'what was made with it' },
  },
  async run({ words: [name], flags: { base, data, down }, json }, io) {
    const [of, ...others] = [
      ...(name === undefined ? [] : [/^(ver|bas|dat)_/.test(name) ? name : `adapters/${name}`]),
      ...(base === undefined ? [] : [`bases/${base}`]),
      ...(data === undefined ? [] : [`datasets/${data}`]),
    ];
    if (of === undefined || others.length > 0)
      throw new DomainError(
        'usage',
        'Say of what, one thing: lorary lineage NAME[@VERSION] | --base BASE | --data DATASET',
      );
    const api = await connect(io);
    const direction = down ? ('down' as const) : ('up' as const);
    const nodes = await withSuggestions(
      api,
      {
        ...(name === undefined ? {} : { adapter: [name.split('@')[0] ?? name] }),
        ...(base === undefined ? {} : { base: [base] }),
      },
      () => allPages(api, listLineage, { query: { of, direction } }),
    );
    io.print(json ? JSON.stringify({ nodes }) : lineageText(nodes));
    if (nodes.length >= limits.lineageNodesMax)
      io.note(`Only the nearest ${limits.lineageNodesMax} are shown: ask for the lineage of one of them.`);
    return exitCodes.done;
  },
});
