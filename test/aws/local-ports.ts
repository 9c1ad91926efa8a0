import { connect, createServer, type AddressInfo } from 'node:net';
import { setTimeout } from 'node:timers/promises';

/** Waits until a server takes connections; `log` is where it says why not. */
export async function takesCalls(port: number, log: string): Promise<void> {
  for (let tries = 0; !(await takesConnections(port)); tries += 1) {
    if (tries > 300) throw new Error(`no emulator answers on port ${port}: see ${log}`);
    await setTimeout(100);
  }
}

async function takesConnections(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    for (const event of ['connect', 'error'] as const)
      socket.once(event, () => {
        socket.destroy();
        resolve(event === 'connect');
      });
  });
}

export async function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
