import type { Finding } from '../../shared/errors.ts';
import { limits } from '../../shared/limits.ts';
import { relativeDistance, type Distance } from '../combine/distance.ts';
import type { FileDigest } from '../folders/hashes.ts';

/** What `composition.json` holds: how a composite came to be and how good it is. The same inputs give the same bytes. */
export interface CompositionReport {
  readonly kind: 'composition';
  readonly type: string;
  readonly mode: string;
  readonly peftRelease?: string;
  /** The rank that was asked for. */
  readonly rank?: number;
  readonly dtype: string;
  readonly members: readonly CompositionMemberReport[];
  readonly result: {
    readonly r: number;
    readonly modules: number;
    readonly parameters: number;
    readonly files: Readonly<Record<string, FileDigest>>;
  };
  /** |result - sum| / |sum| in the Frobenius norm over all modules, of what was written; null where the sum is zero and the result is not. */
  readonly distance: number | null;
  readonly modules: readonly ModuleDistance[];
  readonly warnings: readonly Finding[];
}

export interface CompositionMemberReport {
  readonly name: string;
  readonly weight: number;
  readonly base_model_name_or_path: string | null;
  readonly r: number;
  readonly lora_alpha: number;
  readonly use_rslora: boolean;
  readonly modules: number;
  readonly files: Readonly<Record<string, FileDigest>>;
}

export interface ModuleDistance {
  readonly module: string;
  readonly r: number;
  readonly distance: number | null;
  /** |sum|. */
  readonly norm: number;
}

/** The figures of the report that come from the measured distances. */
export function summariseDistances(
  distances: ReadonlyMap<string, Distance>,
  ranks: ReadonlyMap<string, number>,
): Pick<CompositionReport, 'distance' | 'modules'> {
  return {
    distance: finite(relativeDistance([...distances.values()])),
    modules: [...distances].map(([module, distance]) => ({
      module,
      r: ranks.get(module) ?? 0,
      distance: finite(relativeDistance([distance])),
      norm: distance.norm,
    })),
  };
}

/** Says when a composite is not what its weights promise, and when they promise next to nothing. */
export function distanceFindings(distances: ReadonlyMap<string, Distance>): Finding[] {
  const all = [...distances.values()];
  const warn = (code: string, message: string): Finding => ({ severity: 'warning', code, message, where: 'result' });
  const norm = Math.hypot(...all.map((distance) => distance.norm));
  const parts = Math.hypot(...all.map((distance) => distance.parts));
  if (norm <= limits.cancelledShare * parts)
    return [warn('composition-cancels', 'The weighted updates cancel each other: the result does next to nothing.')];
  const overall = relativeDistance(all);
  const limit = limits.compositionDistanceWarning;
  const far = [...distances]
    .map(([module, distance]) => ({ module, distance: relativeDistance([distance]) }))
    .filter(({ distance }) => distance > limit)
    .toSorted((a, b) => b.distance - a.distance);
  const [worst] = far;
  if (!worst) return [];
  const modules = `${far.length} of ${all.length} modules are more than ${limit} away, ${worst.module} most: ${worst.distance.toFixed(3)}`;
  const advice = 'cat is exact; svd comes nearer with a higher rank.';
  if (overall <= limit) return [warn('composition-distance', `The result is near the weighted sum, but ${modules}.`)];
  const message = `The result is ${overall.toFixed(3)} away from the weighted sum of the updates (${modules}); ${advice}`;
  return [warn('composition-distance', message)];
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
