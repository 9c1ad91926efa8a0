import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { AssumeRoleCommand, type STSClient } from '@aws-sdk/client-sts';

export interface TaskRoles {
  /** Where a container with that role finds its keys. */
  uriOf(roleArn: string): string;
  close(): void;
}

/** The endpoint where ECS gives a container the keys of its role; root of the account stands in for ECS. */
export async function startTaskRoles(sts: STSClient): Promise<TaskRoles> {
  const server = createServer((request, response) => {
    const roleArn = decodeURIComponent(request.url?.slice(1) ?? '');
    const command = new AssumeRoleCommand({ RoleArn: roleArn, RoleSessionName: 'task', DurationSeconds: 3600 });
    sts.send(command).then(
      ({ Credentials: keys }) =>
        response.end(
          JSON.stringify({
            AccessKeyId: keys?.AccessKeyId,
            SecretAccessKey: keys?.SecretAccessKey,
            Token: keys?.SessionToken,
            Expiration: keys?.Expiration?.toISOString(),
          }),
        ),
      (error: unknown) => response.writeHead(500).end(JSON.stringify({ message: String(error) })),
    );
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    uriOf: (roleArn) => `http://127.0.0.1:${port}/${encodeURIComponent(roleArn)}`,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
