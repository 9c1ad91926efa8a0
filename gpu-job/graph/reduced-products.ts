import type { ReducedProducts } from './compute.ts';
import type { Emitter } from './emitter.ts';

/** What a product reads in the place of a float32 value. One that was made of a shorter type is taken as it was. */
export function reducedOperand(emit: Emitter, name: string, { dtype, native }: ReducedProducts): string {
  const from = emit.castFrom.get(name);
  if (from?.dtype === dtype) return native ? from.name : name;
  return emit.once(`${native ? 'reduced' : 'rounded'} ${name}`, () => {
    const rounded = emit.cast(from?.name ?? name, dtype);
    return native ? rounded : emit.cast(rounded, 'float32');
  });
}

/** The float32 value of a product's result, into `y` where it has a name already. */
export function widenedResult(emit: Emitter, product: string, { dtype, native }: ReducedProducts, y?: string): string {
  const reduced = native ? product : emit.cast(product, dtype);
  const widened = emit.cast(reduced, 'float32', y);
  emit.castFrom.set(widened, { name: reduced, dtype });
  return widened;
}
