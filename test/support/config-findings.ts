import { DomainError } from '../../shared/errors.ts';
import { readModelConfig } from '../../gpu-job/models/registry.ts';

/** What is said against a `config.json`; `accepted` where nothing is. */
export function configFindings(config: Readonly<Record<string, unknown>>): string {
  try {
    readModelConfig(config);
  } catch (error) {
    if (error instanceof DomainError) return error.message;
    throw error;
  }
  return 'accepted';
}
