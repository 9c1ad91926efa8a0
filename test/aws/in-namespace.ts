/** A command that runs in a network namespace of its own, with nothing but the loopback: DynamoDB Local listens on every interface. */
export function inNamespace(command: readonly string[]): { readonly file: string; readonly args: readonly string[] } {
  return { file: 'unshare', args: ['-rn', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh', ...command] };
}
