import { loraB } from './lora-variant.ts';

/**
 * The values of an adapter whose update is multiplied by `scale`: B is, so that the product with A is, exactly once. Where the first factors
 * were taken from the base, the first B is too: what training goes on with is the difference of both products.
 */
export function scaledAdapter(
  parameters: ReadonlyMap<string, Float32Array>,
  scale: number,
): ReadonlyMap<string, Float32Array> {
  return new Map(
    [...parameters].map(([name, values]) => [name, isB(name) ? values.map((value) => value * scale) : values]),
  );
}

const isB = (name: string): boolean => name.endsWith(loraB(''));
