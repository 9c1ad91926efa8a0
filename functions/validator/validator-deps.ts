import type { World } from '../../shared/platform/ports.ts';
import type { Inspect } from './inspect.ts';

export interface ValidatorDeps {
  readonly world: World;
  readonly inspect: Inspect;
}
