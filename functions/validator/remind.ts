import type { World } from '../../shared/platform/ports.ts';
import { dueUploads } from './due-uploads.ts';

/** Says once more of every upload that is due that it is: for whoever validates somewhere else, and has missed it. */
export async function remind(world: Pick<World, 'table' | 'events' | 'now'>): Promise<void> {
  for await (const { team, id } of dueUploads(world))
    await world.events.publish({ type: 'upload-completed', team, uploadId: id });
}
