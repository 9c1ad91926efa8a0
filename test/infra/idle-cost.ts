import { idlePrices } from './idle-prices.ts';
import type { Resource } from './synth-stage.ts';

/** Dollars of a month in which nobody uses these resources. Throws for a type that has no price, or a resource that is not priced. */
export function idleCost(resources: readonly (Resource & { readonly id: string })[]): number {
  let sum = 0;
  for (const { id, Type, Properties = {} } of resources) {
    const price = idlePrices[Type];
    if (!price)
      throw new Error(`${Type} (${id}) is not in test/infra/idle-prices.ts: look up what it costs while idle`);
    sum += price(Properties);
  }
  return sum;
}
