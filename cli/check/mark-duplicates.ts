import type { AdapterValidation } from '../../shared/contract/adapter-validation.ts';
import { adapterWeightsName } from '../../shared/domain/adapter-files.ts';
import { sameDelta } from '../../shared/domain/same-delta.ts';

/** An adapter that another one before it makes superfluous. */
export interface Duplicate {
  readonly of: string;
  /** `file`: the same bytes under the same scaling; `delta`: the same change of the base, stored otherwise. */
  readonly same: 'file' | 'delta';
}

/** For each adapter, the first one before it that does the same. */
export function duplicatesOf(
  adapters: readonly { readonly label: string; readonly validation: AdapterValidation }[],
): (Duplicate | undefined)[] {
  return adapters.map(({ validation }, i) => {
    for (const other of adapters.slice(0, i)) {
      const same = sameFile(validation, other.validation)
        ? 'file'
        : sameDelta(validation, other.validation)
          ? 'delta'
          : undefined;
      if (same) return { of: other.label, same };
    }
    return undefined;
  });
}

function sameFile(a: AdapterValidation, b: AdapterValidation): boolean {
  const hash = hashOf(a);
  return hash !== undefined && hash === hashOf(b) && a.peftType === b.peftType && scalings(a) === scalings(b);
}

const hashOf = ({ files }: AdapterValidation): string | undefined =>
  files.find(({ name }) => name === adapterWeightsName)?.sha256;

const scalings = ({ modules }: AdapterValidation): string => JSON.stringify(modules.map(({ scaling }) => scaling));
