import { join } from 'node:path';
import { scopes } from '../../shared/contract/scopes.ts';
import { DomainError } from '../../shared/errors.ts';
import type { Caller } from '../../shared/records/caller.ts';
import { newId } from '../../shared/records/commit.ts';
import { keys } from '../../shared/records/keys.ts';
import { createTeam } from '../../shared/records/teams.ts';
import { createBase } from '../catalog/create-base.ts';
import type { ApiDeps } from '../http/api-deps.ts';
import { examplesFolder } from './base-folders.ts';

export const localTeam = 'local';

/**
 * Makes the team of this machine, with the example base, unless it is there. Returns the team's first key, which `keep` was given before it
 * worked. The team comes last: a start that died before it begins again.
 */
export async function firstStart(deps: ApiDeps, keep: (key: string) => Promise<void>): Promise<string | undefined> {
  const { world } = deps;
  if (await world.table.get(keys.team(localTeam))) return createTeam(world, localTeam, keep);
  const caller: Caller = { team: localTeam, keyId: 'first-start', scopes, requestId: newId(world, 'req') };
  const source = { kind: 'local', path: join(examplesFolder, 'tiny-base') } as const;
  const body = { name: 'tiny', description: 'A small English model, to try things out with.', source };
  try {
    await createBase.run(deps, caller, { params: {}, query: {}, body }, new Headers());
  } catch (error) {
    // a start that died has made it, or the examples were not installed along
    const passed = error instanceof DomainError && ['name-taken', 'no-such-folder'].includes(error.code);
    if (!passed) throw error;
  }
  return createTeam(world, localTeam, keep);
}
