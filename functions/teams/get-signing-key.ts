import { getSigningKey as operation } from '../../shared/contract/audit.ts';
import { DomainError } from '../../shared/errors.ts';
import { handler } from '../http/handler.ts';

export const getSigningKey = handler(operation, async ({ world }) => {
  if (!world.signingKey)
    throw new DomainError('nothing-signs', 'This platform has no key to sign with: what it says is not signed.');
  return world.signingKey();
});
