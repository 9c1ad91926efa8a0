import type { AdapterValidation } from '../contract/adapter-validation.ts';
import type { EngineReport } from '../domain/servability.ts';
import type { VersionOutcome } from './publish-version.ts';

/** What is kept of a validation: a summary in the version's record, the modules and the engines in a blob beside it. */
export function versionOutcome(validation: AdapterValidation, engines: readonly EngineReport[]): VersionOutcome {
  const { peftType, summary, ranks, dtypes, parameters, modules, usable, findings } = validation;
  const unusableBecause = [...new Set([...usable.compose.why, ...usable.merge.why])];
  return {
    checks: {
      peftType,
      summary,
      effectiveModules: validation.effectiveModules ?? 0,
      selectedModules: validation.selectedModules ?? modules.length,
      ranks,
      dtypes,
      parameters,
      deltaNorm: wholeNorm(modules.map(({ deltaNorm }) => deltaNorm)),
      usable: usable.compose.possible && usable.merge.possible,
      unusableBecause,
    },
    details: {
      modules: modules.map(({ module, r, deltaNorm, effective }) => ({
        module,
        r,
        dtype: dtypes.join(', '),
        deltaNorm,
        effective: effective ?? false,
      })),
      servability: engines.map(({ engine, verdict, reasons, settings }) => ({
        engine,
        verdict,
        reasons: [...reasons],
        settings: [...settings],
      })),
    },
    findings,
  };
}

/** Frobenius norm of all deltas together; null where one of them is not known. */
function wholeNorm(norms: readonly (number | null)[]): number | null {
  if (norms.length === 0) return null;
  const squares = norms.map((norm) => (norm === null ? NaN : norm * norm));
  const sum = squares.reduce((total, square) => total + square, 0);
  return Number.isNaN(sum) ? null : Math.sqrt(sum);
}
