/**
 * `node compiler.mjs FOLDER URL...`: compiles the TypeScript programs at these file URLs into the folder and prints, as JSON, the files that
 * were read and where each package was found. `compile-program.mjs` starts it.
 */
import { readFile } from 'node:fs/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const [outdir = '', ...urls] = process.argv.slice(2);
// a compiler that changes makes something else
const [files, packages] = [[fileURLToPath(import.meta.url)], {}];

/** What is compiled stands elsewhere than its source, so whatever depends on the place is settled here. Notes what it reads and finds. */
const sourcesInPlace = {
  name: 'sources-in-place',
  setup(build) {
    const find = (name) => (packages[name] = import.meta.resolve(name));
    build.onResolve({ filter: /^[^./]/ }, ({ path, kind }) =>
      kind === 'entry-point' || path.startsWith('node:') ? undefined : { path: find(path), external: true },
    );
    build.onLoad({ filter: /./ }, ({ path }) => void files.push(path));
    build.onLoad({ filter: /\.ts$/ }, async ({ path }) => {
      const source = await readFile(path, 'utf8');
      const contents = source
        .replaceAll('import.meta.url', JSON.stringify(pathToFileURL(path).href))
        .replaceAll(/import\.meta\.resolve\('([^']+)'\)/g, (_, name) => JSON.stringify(find(name)));
      return { contents, loader: 'ts' };
    });
  },
};

await build({
  entryPoints: urls.map((url) => fileURLToPath(url)),
  outdir,
  entryNames: '[name]',
  outExtension: { '.js': '.mjs' },
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  logLevel: 'silent',
  plugins: [sourcesInPlace],
});
process.stdout.write(JSON.stringify({ files, packages }));
