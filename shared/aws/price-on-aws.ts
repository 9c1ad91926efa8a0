import { awsPrice, type MachinePrice } from '../domain/machine-prices.ts';
import { invariant } from '../errors.ts';
import type { RunNeeds } from '../platform/ports.ts';
import { chooseClass } from './choose-class.ts';
import type { JobClass } from './environment.ts';

/** What the machine costs that `chooseClass` will choose. */
export function priceOnAws(classes: readonly JobClass[]): (needs: RunNeeds) => MachinePrice {
  return (needs) => {
    const price = awsPrice(chooseClass(classes, needs).gpuMemoryBytes);
    invariant(price, 'every class of machines has a price');
    return price;
  };
}
