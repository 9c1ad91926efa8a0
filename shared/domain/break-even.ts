import { hostedPrices } from './hosted-prices.ts';

/** What training on a machine of one's own is worth beside a trainer that is paid by the token. */
export interface BreakEven {
  readonly provider: string;
  readonly dollarsPerMillionTokens: number;
  /** Tokens a second from which on the machine is cheaper, whatever it does: it follows from the two prices alone. */
  readonly tokensPerSecond: number;
}

/** Of a base of so many parameters, on a machine that costs so much while it trains; the cheapest offer first. */
export function breakEven(parameters: number, dollarsPerHour: number): readonly BreakEven[] {
  return hostedPrices(1e6, parameters).map(({ provider, dollarsPerMillionTokens }) => ({
    provider,
    dollarsPerMillionTokens,
    tokensPerSecond: dollarsPerHour / 3600 / (dollarsPerMillionTokens / 1e6),
  }));
}
