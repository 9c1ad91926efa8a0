import type { World } from '../../shared/platform/ports.ts';

/** Everything that the operations of the API work with. */
export interface ApiDeps {
  readonly world: World;
}
