import type { World } from '../../shared/platform/ports.ts';

/** Everything that the operations of the API work with. */
export interface ApiDeps {
  readonly world: World;
  /** Waits a while. Given where an answer may stay open for as long as there is something to tell. */
  readonly follow?: (milliseconds: number) => Promise<void>;
}
