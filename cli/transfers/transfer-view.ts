import type { ProgressView } from '../progress-view.ts';

/** Shows bytes on their way: how many of how many, and how fast. `done` counts what was there before, `moved` tells the speed. */
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
    const speed = seconds > 0.5 ? ` (${megabytes(done / seconds)} MB/s)` : '';
    view.show({
      type: 'progress',
      stage: `${stage}${speed}`,
      done: Number(megabytes(done)),
      total: Number(megabytes(totalBytes)),
      unit: 'MB',
    });
  };
}

const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);

/** `2.1 GB`, `13 kB`. */
export function sizeText(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let [value, unit] = [bytes, 0];
  while (value >= 1000 && unit < units.length - 1) [value, unit] = [value / 1000, unit + 1];
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}
