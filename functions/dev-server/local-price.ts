import { ownPrice, type MachinePrice } from '../../shared/domain/machine-prices.ts';
import { DomainError } from '../../shared/errors.ts';

/** What an hour of this machine counts as (`LORARY_DOLLARS_PER_HOUR`); nothing, unless somebody says so. Throws `DomainError('bad-setting')`. */
export function localPrice(environment: Readonly<Record<string, string | undefined>>): MachinePrice {
  const text = environment['LORARY_DOLLARS_PER_HOUR'] || '0'; // an empty setting is none
  const dollars = Number(text);
  if (!(dollars >= 0 && dollars <= 10_000))
    throw new DomainError(
      'bad-setting',
      `LORARY_DOLLARS_PER_HOUR is "${text}": give dollars, from 0 to 10000, or leave it out.`,
    );
  return ownPrice(dollars);
}
