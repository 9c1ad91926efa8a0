import { readdir, stat } from 'node:fs/promises';
import { basename, extname, join, relative } from 'node:path';
import { DomainError } from '../errors.ts';
import type { ByteSource } from '../formats/bytes.ts';
import { readCsvRows } from './csv-rows.ts';
import { readLines, type TextLine } from '../formats/jsonl.ts';
import { readParquetApart } from './parquet-process.ts';
import { limits } from '../limits.ts';
import { openFileSource } from './file-source.ts';

/** The rows of one file, or of all in a folder, as JSON lines. */
export interface RowFiles {
  /** For messages: of the file, or of the folder. */
  readonly name: string;
  /** The files, in the order in which they are read. */
  readonly paths: readonly string[];
  /** Reads the files in turn, each opened and closed on the way. Throws `DomainError` for a file that cannot be read as what it is called. */
  lines(): AsyncGenerator<TextLine>;
  /** What a person calls the n-th of the lines, n from 1: `train.jsonl:17`, `part-2.parquet row 3`. Known once it was read. */
  placeOf(line: number): string;
  /** Bytes of the files that were read so far; of a table with columns that nobody wants, never all. */
  readBytes(): number;
}

/** Of each extension, how its rows are read; anything else is JSON lines. */
const readers: Readonly<Record<string, (source: ByteSource, columns: readonly string[]) => AsyncGenerator<TextLine>>> =
  {
    '.jsonl': (source) => readLines(source),
    '.ndjson': (source) => readLines(source),
    '.csv': (source) => readCsvRows(source),
    '.tsv': (source) => readCsvRows(source, '\t'),
    '.parquet': (source, columns) => readParquetApart(source, { columns }),
  };

/** Extensions of files whose rows a folder is read for. */
export const rowExtensions: readonly string[] = Object.keys(readers);

/** Whether the rows of a path are JSON lines already. */
export const holdsJsonLines = async (path: string): Promise<boolean> => !(await isFolder(path)) && isOfLines(path);

const isOfLines = (path: string): boolean => ['.jsonl', '.ndjson'].includes(kindOf(path));

const kindOf = (path: string): string => {
  const extension = extname(path).toLowerCase();
  return extension in readers ? extension : '.jsonl';
};

/**
 * Finds the files of a dataset: the path itself, or every file of a known kind in the folder and those below, by name. `columns`: those of
 * a table that are read, where it has one of them. Throws `DomainError` where there is nothing.
 */
export async function openRowFiles(path: string, columns: readonly string[]): Promise<RowFiles> {
  const paths = (await isFolder(path)) ? await filesBelow(path) : [path];
  const starts: { readonly path: string; readonly before: number }[] = [];
  let readBytes = 0;
  return {
    name: basename(path),
    paths,
    readBytes: () => readBytes,
    async *lines() {
      let count = 0;
      for (const file of paths) {
        starts.push({ path: file, before: count });
        const source = await openFileSource(file);
        const counted: ByteSource = {
          ...source,
          read: (offset, lengthBytes) => {
            readBytes += lengthBytes;
            return source.read(offset, lengthBytes);
          },
        };
        try {
          for await (const line of (readers[kindOf(file)] ?? readLines)(counted, columns)) {
            count++;
            yield line;
          }
        } finally {
          await source.close();
        }
      }
    },
    placeOf(line) {
      const start = starts.findLast(({ before }) => before < line);
      if (!start) return `${basename(path)}:${line}`;
      const name = start.path === path ? basename(path) : relative(path, start.path);
      const row = line - start.before;
      return isOfLines(start.path) ? `${name}:${row}` : `${name} row ${row}`;
    },
  };
}

const isFolder = async (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => false, // a file that is missing is told when it is opened
  );

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile() && extname(entry.name).toLowerCase() in readers)
    .map((entry) => join(entry.parentPath, entry.name))
    .filter(
      (path) =>
        !relative(folder, path)
          .split(/[\\/]/)
          .some((part) => part.startsWith('.')),
    )
    .toSorted((a, b) => (a < b ? -1 : 1));
  if (files.length === 0)
    throw new DomainError('dataset-empty', `${folder} holds no rows: wanted are files ${rowExtensions.join(', ')}.`);
  if (files.length > limits.datasetFilesMax)
    throw new DomainError(
      'dataset',
      `${folder} holds ${files.length} files; at most ${limits.datasetFilesMax} are read.`,
    );
  return files;
}
