import { DomainError } from '../../shared/errors.ts';
import type { GpuBench } from './bench-gpu.ts';
import { gpuShapes, gpuSizes, sizeName } from './gpu-shapes.ts';

const begin = '<!-- written by npm run bench:gpu -- --write-table -->';
const end = '<!-- end of what is written by npm run bench:gpu -->';

/** A page with what was measured on a card between its two marks; without `result`, that nothing was. Throws `DomainError` where they are missing. */
export function withGpuTable(page: string, result: GpuBench | undefined): string {
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from < 0 || to < from) throw new DomainError('no-marks', 'The page has no place for the table.');
  if (result?.dry) throw new DomainError('dry', 'What a dry run shows is no measurement.');
  return `${page.slice(0, from + begin.length)}\n\n${gpuTable(result)}\n\n${page.slice(to)}`;
}

function gpuTable(result: GpuBench | undefined): string {
  const rows = Object.keys(gpuShapes).flatMap((shape) =>
    gpuSizes.map((size) => [shape, sizeName(size), ...cells(result, `${shape} ${sizeName(size)}`)]),
  );
  const head = [
    'shape',
    'tokens',
    'Lorary, tokens/s',
    'torch + PEFT, tokens/s',
    'ratio',
    'peak',
    'peak of torch',
    'of the GEMM rate',
  ];
  return [provenance(result), '', ...aligned([head, ...rows])].join('\n');
}

function provenance(result: GpuBench | undefined): string {
  if (!result) return 'Unmeasured: no card was at hand.';
  const { card, date, runtime, compute, gemmFlops, curve } = result;
  const versions = Object.values(result.peers).flatMap((peer) => (typeof peer === 'string' ? [] : [peer.versions]))[0];
  const peers = versions
    ? `, ${Object.entries(versions)
        .map(([name, version]) => `${name} ${version}`)
        .join(', ')}`
    : '';
  const differs = Object.entries(curve.differences).map(([type, by]) => `${by.toExponential(1)} in ${type}`);
  return `${card.name}, ${date}, driver ${card.driver}, onnxruntime ${runtime}${peers}; products in ${compute}, ${(gemmFlops / 1e12).toFixed(0)} TFLOP/s at best. Losses of ${curve.steps} steps differ from those on the CPU by at most ${differs.join(' and ')}.`;
}

function cells(result: GpuBench | undefined, name: string): readonly string[] {
  const [ours, peer] = [result?.speeds[name], result?.peers[name]];
  const isOurs = ours !== undefined && typeof ours !== 'string';
  const isPeer = peer !== undefined && typeof peer !== 'string';
  const none = (measured: unknown): string => (measured === undefined ? 'unmeasured' : 'does not run');
  return [
    isOurs ? ours.tokensPerSecond.toFixed(0) : none(ours),
    isPeer ? `${peer.tokensPerSecond.toFixed(0)} (${peer.mode})` : none(peer),
    isOurs && isPeer ? (ours.tokensPerSecond / peer.tokensPerSecond).toFixed(2) : '',
    isOurs ? gigabytes(ours.peakBytes) : '',
    isPeer ? gigabytes(peer.reservedBytes) : '',
    isOurs ? ours.gemmFraction.toFixed(2) : '',
  ];
}

const gigabytes = (bytes: number | null): string => (bytes === null ? '' : `${(bytes / 1e9).toFixed(1)} GB`);

/** A table of Markdown as the formatter lays it out. */
function aligned([head = [], ...rows]: readonly (readonly string[])[]): readonly string[] {
  const widths = head.map((_, i) => Math.max(3, ...[head, ...rows].map((row) => (row[i] ?? '').length)));
  const line = (row: readonly string[]): string =>
    `| ${widths.map((width, i) => (row[i] ?? '').padEnd(width)).join(' | ')} |`;
  return [line(head), `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...rows.map(line)];
}
