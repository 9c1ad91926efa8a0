import type { World } from '../platform/ports.ts';
import type { Inspect } from './inspect.ts';

export interface ValidationDeps {
  readonly world: World;
  readonly inspect: Inspect;
  /** Ends what is in work; it is done again by whoever looks next. */
  readonly stop?: AbortSignal;
}
