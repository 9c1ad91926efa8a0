import { openLocalWorld, type LocalWorld, type LocalWorldOptions } from '../../shared/local/local-world.ts';
import { dropKinds, openDroppingWorld } from './dropping-world.ts';

/** What the processes of a run are told by their environment. */
export const settings = {
  /** Kind of the write to drop. */
  drop: 'LORARY_CRASH_DROP',
  /** File that says which one it was. */
  marker: 'LORARY_CRASH_MARKER',
  /** Days by which the clock is ahead. */
  daysAhead: 'LORARY_CRASH_DAYS_AHEAD',
} as const;

/** The local world, with the fault or the clock that the environment asks for. */
export async function openAsTold(options: LocalWorldOptions): Promise<LocalWorld> {
  const { [settings.drop]: drop, [settings.marker]: marker, [settings.daysAhead]: days = '0' } = process.env;
  const ahead = Number(days) * 86_400_000;
  const told: LocalWorldOptions = { ...options, now: () => Date.now() + ahead };
  const kind = dropKinds.find((name) => name === drop);
  return kind && marker !== undefined ? openDroppingWorld(told, { kind, marker }) : openLocalWorld(told);
}
