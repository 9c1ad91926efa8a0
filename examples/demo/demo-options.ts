import { parseArgs } from 'node:util';
import { DomainError } from '../../shared/errors.ts';

/** What the demo was asked to do. */
export interface DemoOptions {
  readonly help: boolean;
  /** Address of a server that runs already; undefined: the demo starts one. */
  readonly server: string | undefined;
  /** Folder or Hugging Face id; undefined: the base of this repository. */
  readonly base: string | undefined;
  /** Two JSONL files; undefined: the two tasks of this repository. */
  readonly data: readonly [string, string] | undefined;
  /** Two JSONL files of held-out rows; undefined: held out from `data` by hash. */
  readonly heldOut: readonly [string, string] | undefined;
  /** Trains on answers dealt to other questions: a control that must fail. */
  readonly shuffleLabels: boolean;
  readonly json: boolean;
  /** Tokens each adapter is trained on; undefined: chosen by the sizes of base and data. */
  readonly tokens: number | undefined;
}

export const demoHelp = `npm run demo -- [options]

Trains an adapter on each of two tasks, composes them, merges the composite into the base, measures everything on held-out rows,
and fails unless the numbers show that it worked.

  --server <url>                 do it all on a server that runs already, with LORARY_KEY or the key of a login there; what is
                                 made stays there, under names that begin with demo-
  --base <folder | owner/name>   base model; a Hugging Face id is looked up in the local cache only
  --data <file.jsonl>            training rows; give it twice, once for each task
  --held-out <file.jsonl>        held-out rows for each --data, in the same order; default: a share of its rows
  --tokens <number>              tokens each adapter is trained on; default: by the sizes of base and data
  --shuffle-labels               control: train on shuffled answers, which must fail
  --json                         print the result as one JSON line
`;

/** Reads the command line. Throws `DomainError('usage')`. */
export function parseDemoOptions(args: readonly string[]): DemoOptions {
  let values;
  try {
    ({ values } = parseArgs({
      args: [...args],
      options: {
        help: { type: 'boolean', short: 'h', default: false },
        server: { type: 'string' },
        base: { type: 'string' },
        data: { type: 'string', multiple: true },
        'held-out': { type: 'string', multiple: true },
        tokens: { type: 'string' },
        'shuffle-labels': { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
      },
    }));
  } catch (error) {
    throw usage(error instanceof Error ? error.message : String(error));
  }
  const heldOut = pair('--held-out', values['held-out']);
  const data = pair('--data', values.data);
  if (heldOut && !data) throw usage('--held-out belongs to --data: give both, twice each.');
  const tokens = values.tokens === undefined ? undefined : Number(values.tokens);
  if (tokens !== undefined && !(Number.isSafeInteger(tokens) && tokens > 0))
    throw usage(`--tokens is ${JSON.stringify(values.tokens)}; it must be a positive whole number.`);
  return {
    help: values.help,
    server: values.server,
    base: values.base,
    data,
    heldOut,
    shuffleLabels: values['shuffle-labels'],
    json: values.json,
    tokens,
  };
}

function pair(flag: string, values: readonly string[] | undefined): readonly [string, string] | undefined {
  if (!values) return undefined;
  const [first, second, ...more] = values;
  if (first === undefined || second === undefined || more.length > 0)
    throw usage(`${flag} is given ${values.length} time${values.length === 1 ? '' : 's'}; the demo has two tasks.`);
  return [first, second];
}

const usage = (message: string): DomainError => new DomainError('usage', `${message}\n\n${demoHelp}`);
