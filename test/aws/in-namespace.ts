/**
 * A command that runs in a network namespace of its own, with nothing but the loopback: DynamoDB Local listens on every interface. The
 * file `hosts` is the only one there that gives names addresses, and may be written while the command runs.
 */
export function inNamespace(
  command: readonly string[],
  hosts = '/etc/hosts',
): { readonly file: string; readonly args: readonly string[] } {
  const script = 'ip link set lo up && mount --bind "$0" /etc/hosts && exec "$@"';
  return { file: 'unshare', args: ['-rnm', 'sh', '-c', script, hosts, ...command] };
}
