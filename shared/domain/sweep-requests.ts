import type { z } from 'zod';
import { settingsOf, sweepRunName, withSettings, type SweepSettings } from '../contract/specs/sweep.ts';
import { trainRequest, type sweepRequest } from '../contract/train-requests.ts';
import type { TrainRequest } from './task-requests.ts';

export type SweepRequest = z.output<typeof sweepRequest>;

/** One training of a sweep. */
export interface Trial {
  /** As the run of a sweep on folders: `run-01` and so on. */
  readonly name: string;
  readonly settings: SweepSettings;
  readonly request: TrainRequest;
}

/** The trainings of a sweep, in their order. */
export function trialsOf(sweep: Pick<SweepRequest, 'train' | 'over' | 'runs' | 'output'>): Trial[] {
  const { train, output } = sweep;
  return settingsOf(sweep).map((settings, i) => ({
    name: sweepRunName(i),
    settings,
    request: trainRequest.parse({ ...withSettings(train, settings), kind: 'train', output }),
  }));
}

/** Where in the request what a trial would be refused for by itself stands: in its settings, or in what all share. */
export function placeOfTrial({ runs }: Pick<SweepRequest, 'runs'>, place: number, where: string): string {
  const [, setting] = /^(?:method\.config|optimizer)\.(r|lora_alpha|target_modules|learningRate)\b/.exec(where) ?? [];
  const own = setting !== undefined && (!runs || setting in (runs[place] ?? {}));
  if (!own) return `train.${where}`;
  return runs ? `runs[${place}].${setting}` : `over.${setting}`;
}
