import type { ProgressView } from '../progress-view.ts';

/** Shows bytes on their way, how many of how many and how fast, once they have taken long enough for someone to wonder. */
export function transferView(
  view: Pick<ProgressView, 'show'>,
  stage: string,
  totalBytes: number,
  now: () => number,
): (count: number) => void {
  const started = now();
  let done = 0;
  return (count) => {
    done += count;
    const seconds = (now() - started) / 1000;
    if (seconds < wonderSeconds) return;
    view.show({
      type: 'progress',
      stage: `${stage} (${megabytes(done / seconds)} MB/s)`,
      done: Number(megabytes(done)),
      total: Number(megabytes(totalBytes)),
      unit: 'MB',
    });
  };
}

/** The same where the total comes with the first bytes. */
export function lateTransferView(
  view: Pick<ProgressView, 'show'>,
  stage: string,
  now: () => number,
): (count: number, totalBytes: number) => void {
  let onBytes: ReturnType<typeof transferView> | undefined;
  return (count, totalBytes) => {
    onBytes ??= transferView(view, stage, totalBytes, now);
    onBytes(count);
  };
}

const wonderSeconds = 0.5;

const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);

/** `2.1 GB`, `13 kB`. */
export function sizeText(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let [value, unit] = [bytes, 0];
  while (value >= 1000 && unit < units.length - 1) [value, unit] = [value / 1000, unit + 1];
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}
