/** A server with one route that does nothing, on the listener of the platform: what is left of a call without a platform. */
import { Hono } from 'hono';
import { listen } from '../functions/dev-server/listen.ts';

const listener = await listen(0);
listener.serve(new Hono().get('/', (c) => c.json({})).fetch);
process.stdout.write(`http://127.0.0.1:${listener.port}\n`);
process.on('SIGTERM', () => void listener.close(0));
