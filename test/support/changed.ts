/** An object with some of its methods exchanged; the others stay bound to it. */
export function changed<T extends object>(inner: T, change: Partial<T>): T {
  return new Proxy(inner, {
    get(target, name) {
      const method: unknown = Reflect.get(change, name) ?? Reflect.get(target, name, target);
      return typeof method === 'function' ? method.bind(Reflect.has(change, name) ? change : target) : method;
    },
  });
}
