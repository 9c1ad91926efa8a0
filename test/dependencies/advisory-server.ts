import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface AdvisoryServer {
  readonly url: string;
  close(): void;
}

/** A registry of this machine that knows one advisory, against every version of a package; with none it tells of nothing. */
export async function startAdvisoryServer(name?: string): Promise<AdvisoryServer> {
  const server = createServer((request, response) => {
    request.resume();
    const say = (value: object): void =>
      void response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value));
    if (request.method === 'POST') return say(name === undefined ? {} : { [name]: [advisory] });
    // npm looks for sound versions of it, and of what depends on it
    const asked = decodeURIComponent(request.url?.slice(1) ?? '');
    const only = { name: asked, version: '0.0.1' };
    return say({ name: asked, 'dist-tags': { latest: '0.0.1' }, versions: { '0.0.1': only } });
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

const advisory = {
  id: 1,
  url: 'https://github.com/advisories/GHSA-planted',
  title: 'A planted fault',
  severity: 'critical',
  vulnerable_versions: '>=0.0.0',
  cwe: [],
  cvss: { score: 9.8, vectorString: null },
};
