import { benchApi } from './api.ts';
import { benchColdStart } from './cold-start.ts';
import { benchMerge } from './merge.ts';
import { benchProfile } from './profile.ts';
import { benchTrain } from './train.ts';
import { benchUpload } from './upload.ts';

/** Every benchmark by name; each resolves to one flat object. */
const benches: Readonly<Record<string, () => Promise<Record<string, unknown>>>> = {
  train: benchTrain,
  profile: benchProfile,
  merge: benchMerge,
  upload: benchUpload,
  api: benchApi,
  'cold-start': benchColdStart,
};

/** `npm run bench -- <name> [--json]`: runs one benchmark and prints its figures, with `--json` as one line of JSON. */
async function main(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args.filter((arg) => arg !== '--json');
  const bench = name !== undefined && Object.hasOwn(benches, name) ? benches[name] : undefined;
  if (!bench || rest.length > 0) {
    process.stderr.write(`usage: npm run bench -- <${Object.keys(benches).join(' | ')}> [--json]\n`);
    return 2;
  }
  const figures = await bench();
  if (args.includes('--json')) process.stdout.write(`${JSON.stringify(figures)}\n`);
  else
    for (const [key, value] of Object.entries(figures))
      process.stdout.write(
        `${key.padEnd(24)} ${typeof value === 'number' ? Number(value.toPrecision(4)) : JSON.stringify(value)}\n`,
      );
  return 0;
}

process.exitCode = await main(process.argv.slice(2));
