import type { CheckedAdapter } from '../check/check-adapters.ts';
import { runCommand, type CommandIo, type RunCommand } from '../command.ts';
import { progressView } from '../progress-view.ts';

/** Brings a good adapter into the library; resolves to what is said of it. */
export type Adopt = (adapter: CheckedAdapter, io: CommandIo) => Promise<string>;

/** `lorary check`: what adapters do, without a server. */
export function checkCommand(adopt: Adopt): RunCommand {
  return runCommand({
    name: 'check',
    summary: 'Say of adapters which do nothing, do not fit their base or are the same, and why.',
    usage: 'FOLDER|OWNER/NAME[@REVISION] ... [flags]',
    words: { what: 'FOLDER or OWNER/NAME', min: 1, max: Infinity },
    notes: [
      'A folder may hold one adapter or many. A model id is taken from the local Hugging Face cache, or downloaded into it (HF_ENDPOINT,',
      'HF_TOKEN, HF_HOME). Without --base, the base that a config names is looked for in the same places, and never downloaded.',
      'Ends with 0 when all adapters are good and 1 when any is not. docs/validation.md explains every finding.',
    ],
    examples: ['lorary check adapters/french', 'lorary check adapters owner/name --base models/SmolLM2-135M --json'],
    flags: {
      base: { kind: 'text', value: 'FOLDER|ID', help: 'check them all against this base' },
      adopt: { kind: 'switch', help: 'bring the good ones into the library, each of equal ones once' },
    },
    async run({ words, flags, json }, io) {
      // the validator, which no other command needs to load
      const { checkAdapters } = await import('../check/check-adapters.ts');
      const { checkText } = await import('../check/check-text.ts');
      const { findAdapters } = await import('../check/find-adapters.ts');
      const view = progressView(io.screen);
      const show = (stage: string, done: number, total: number): void => {
        if (json || !io.screen.isTerminal) return;
        view.show({ type: 'progress', stage, done: megabytes(done), total: megabytes(total), unit: 'MB' });
      };
      try {
        const found = await findAdapters(words, io.environment, show);
        const { environment } = io;
        const checked = await checkAdapters(found, { base: flags.base, environment, onProgress: show });
        view.end();
        const ok = checked.every((adapter) => adapter.ok);
        // what was found is told even where adopting fails
        if (!json) io.print(checkText(checked));
        const adopted = flags.adopt ? await adoptGood(checked, adopt, io) : undefined;
        if (json) io.print(JSON.stringify({ ok, adapters: checked, ...(adopted ? { adopted } : {}) }));
        else for (const { said } of adopted ?? []) io.print(said);
        return ok ? 0 : 1;
      } finally {
        view.end();
      }
    },
  });
}

async function adoptGood(
  checked: readonly CheckedAdapter[],
  adopt: Adopt,
  io: CommandIo,
): Promise<{ readonly adapter: string; readonly said: string }[]> {
  const adopted: { adapter: string; said: string }[] = [];
  for (const adapter of checked)
    if (adapter.ok && !adapter.duplicate) adopted.push({ adapter: adapter.adapter, said: await adopt(adapter, io) });
  return adopted;
}

const megabytes = (bytes: number): number => Math.round(bytes / 1e6);
