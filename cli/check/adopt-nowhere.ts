import { DomainError } from '../../shared/errors.ts';
import type { Adopt } from '../commands/check.ts';

/** Where there is no library to bring adapters into. */
export const adoptNowhere: Adopt = () =>
  Promise.reject(
    new DomainError('no-server', 'No server is configured, so there is no library to adopt adapters into.'),
  );
