import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** The instance metadata service (IMDSv2) of a machine that is told once that it will be taken away. */
export async function startMetadataEndpoint(): Promise<{ readonly url: string; readonly close: () => void }> {
  let warned = false;
  const server = createServer((request, response) => {
    if (request.method === 'PUT' && request.url === '/latest/api/token') response.end('token');
    else if (request.headers['x-aws-ec2-metadata-token'] !== 'token') response.writeHead(401).end();
    else if (request.url !== '/latest/meta-data/spot/instance-action' || warned) response.writeHead(404).end();
    else {
      warned = true;
      response.end('{"action":"terminate","time":"2026-11-25T14:00:00Z"}');
    }
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
