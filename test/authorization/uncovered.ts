import { scopes } from '../../shared/contract/scopes.ts';
import type { Operation } from '../../shared/contract/operation.ts';

/** What keeps operations from being known to be guarded: one line for each fault. */
export function uncovered(
  operations: readonly Operation[],
  handled: ReadonlySet<string>,
  called: ReadonlySet<string>,
): string[] {
  const known: ReadonlySet<string> = new Set([...scopes, 'any']);
  const names = new Set<string>();
  return operations.flatMap(({ operationId, scope, method, path }) => {
    const faults: string[] = [];
    if (!known.has(scope)) faults.push(`${operationId} declares no scope that a key can have`);
    if (!handled.has(operationId)) faults.push(`${operationId} is answered by no one`);
    if (!called.has(operationId)) faults.push(`${operationId} has no call in test/authorization/calls.ts`);
    for (const name of [operationId, `${method} ${path}`]) {
      if (names.has(name)) faults.push(`${name} is there twice`);
      names.add(name);
    }
    return faults;
  });
}
