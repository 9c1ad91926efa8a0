import type { AdapterValidation } from '../contract/adapter-validation.ts';
import { limits } from '../limits.ts';

/**
 * Whether two adapters change a base in the same way, though their files may differ: in type, rank, scale, names of files or order.
 * Told from norm and probe of every module, so without reading them again; adapters of which that is not known are never the same.
 */
export function sameDelta(a: AdapterValidation, b: AdapterValidation): boolean {
  if (!a.deltaOnly || !b.deltaOnly || !a.ok || !b.ok) return false;
  const [ofA, ofB] = [acting(a), acting(b)];
  return ofA.size > 0 && ofA.size === ofB.size && [...ofA].every(([module, figures]) => near(figures, ofB.get(module)));
}

type Figures = readonly [norm: number | null, probe: number | null];

/** A module whose delta is zero is as good as none. */
function acting({ modules }: AdapterValidation): Map<string, Figures> {
  const some = modules.filter(({ zero }) => !zero);
  return new Map(some.map(({ module, deltaNorm, deltaProbe }) => [module, [deltaNorm, deltaProbe]]));
}

function near([norm, probe]: Figures, other: Figures | undefined): boolean {
  const [otherNorm = null, otherProbe = null] = other ?? [];
  if (norm === null || probe === null || otherNorm === null || otherProbe === null) return false;
  const allowed = limits.sameDeltaTolerance * norm;
  return Math.abs(norm - otherNorm) <= allowed && Math.abs(probe - otherProbe) <= allowed;
}
