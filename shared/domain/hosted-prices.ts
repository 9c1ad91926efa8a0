/** When the prices below were known; each provider's own page has the last word. */
const asOf = '2026-11-25';

/**
 * What trainers that are rented by the token ask for LoRA on supervised rows: dollars for a million tokens that are trained on or measured,
 * every epoch counted, by the parameters of the base. From memory, to be checked at `source` before money hangs on it. They train the bases
 * that they offer, and no others.
 */
const prices = [
  {
    provider: 'Together AI',
    parametersMax: 16e9,
    dollarsPerMillionTokens: 0.48,
    source: 'https://together.ai/pricing',
  },
  { provider: 'Together AI', parametersMax: 69e9, dollarsPerMillionTokens: 1.5, source: 'https://together.ai/pricing' },
  {
    provider: 'Together AI',
    parametersMax: 100e9,
    dollarsPerMillionTokens: 2.9,
    source: 'https://together.ai/pricing',
  },
  {
    provider: 'Fireworks AI',
    parametersMax: 16e9,
    dollarsPerMillionTokens: 0.5,
    source: 'https://fireworks.ai/pricing',
  },
  { provider: 'Fireworks AI', parametersMax: 80e9, dollarsPerMillionTokens: 3, source: 'https://fireworks.ai/pricing' },
] as const;

/** The same training at a hosted trainer. */
export interface HostedPrice {
  readonly provider: string;
  readonly dollars: number;
  readonly dollarsPerMillionTokens: number;
  readonly asOf: string;
  readonly source: string;
}

/** What a base of so many parameters costs there; none for one that is too large for all. Cheapest first. */
export function hostedPrices(tokens: number, parameters: number): readonly HostedPrice[] {
  const providers = new Map<string, HostedPrice>();
  for (const { provider, parametersMax, dollarsPerMillionTokens, source } of prices)
    if (parameters <= parametersMax && !providers.has(provider))
      providers.set(provider, {
        provider,
        dollars: Math.ceil((tokens / 1e6) * dollarsPerMillionTokens * 1e6) / 1e6,
        dollarsPerMillionTokens,
        asOf,
        source,
      });
  return [...providers.values()].toSorted((a, b) => a.dollars - b.dollars);
}
