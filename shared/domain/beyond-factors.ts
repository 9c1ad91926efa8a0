import type { Finding } from '../errors.ts';
import { beyondFactors } from '../methods/lora-unsupported.ts';
import type { LoraConfig } from '../methods/lora.ts';

/** What an adapter does that cannot be composed or written as factors of linear modules: what its config says, and pairs on embeddings. */
export function beyondFactorFindings(
  config: LoraConfig,
  modules: Iterable<{ readonly module: string; readonly kind?: 'embedding' }>,
): Finding[] {
  const findings = beyondFactors(config);
  for (const { module, kind } of modules)
    if (kind === 'embedding')
      findings.push({
        severity: 'error',
        code: 'beyond-factors',
        message:
          'it is an embedding, whose factors are stored and read in another way: merge the adapter into its base instead',
        where: module,
      });
  return findings;
}
