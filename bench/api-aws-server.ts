/** All functions of the API in one process that finds its world as they do: by its environment. */
import { allHandlers } from '../functions/dev-server/all-handlers.ts';
import { listen } from '../functions/dev-server/listen.ts';
import { createApi } from '../functions/http/create-api.ts';
import { openAwsWorld } from '../shared/aws/aws-world.ts';
import { readAwsSettings } from '../shared/aws/environment.ts';
import { createTextCache } from '../shared/text/text-cache.ts';

const listener = await listen(0);
const api = createApi({ world: openAwsWorld(readAwsSettings(process.env)), texts: createTextCache() }, allHandlers, {
  onError: (error) => console.error(error),
});
listener.serve((request) => api.fetch(request));
process.stdout.write(`http://127.0.0.1:${listener.port}\n`);
