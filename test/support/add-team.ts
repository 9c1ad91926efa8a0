import type { World } from '../../shared/platform/ports.ts';
import { createTeam } from '../../shared/records/teams.ts';

/** A team that is there, as whoever runs the platform makes it. Resolves to its name. */
export async function addTeam(world: World, team: string): Promise<string> {
  await createTeam(world, team, async () => undefined);
  return team;
}
