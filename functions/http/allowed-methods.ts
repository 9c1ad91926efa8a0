/** In OpenAPI's spelling of paths (`{name}`) or in Hono's (`:name`). */
export interface Route {
  readonly method: string;
  readonly path: string;
}

/**
 * The methods that a path takes, for `Allow`; none where nothing is at it. Decided by the routes alone, so it tells nobody whether the
 * thing that a path names is there.
 */
export function allowedMethods(routes: readonly Route[], path: string): string[] {
  const methods = routes.filter((route) => leadsTo(route, path)).map(({ method }) => method.toUpperCase());
  // what answers GET answers HEAD
  return [...new Set(methods.flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method])))].toSorted();
}

function leadsTo({ path: pattern }: Route, path: string): boolean {
  const [expected, given] = [pattern.split('/'), path.split('/')];
  return (
    expected.length === given.length &&
    expected.every((part, i) => (/^[{:]/.test(part) ? given[i] !== '' : part === given[i]))
  );
}
