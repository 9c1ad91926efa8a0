import type { Operation } from '../../shared/contract/operation.ts';

/**
 * The methods that a path takes, for `Allow`; none where nothing is at it. Decided by the routes alone, so it tells nobody whether the
 * thing that a path names is there.
 */
export function allowedMethods(operations: readonly Operation[], path: string): string[] {
  const methods = operations.filter((operation) => leadsTo(operation, path)).map(({ method }) => method.toUpperCase());
  // what answers GET answers HEAD
  return [...new Set(methods.flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method])))].toSorted();
}

function leadsTo({ path: pattern }: Operation, path: string): boolean {
  const [expected, given] = [pattern.split('/'), path.split('/')];
  return (
    expected.length === given.length &&
    expected.every((part, i) => (part.startsWith('{') ? given[i] !== '' : part === given[i]))
  );
}
