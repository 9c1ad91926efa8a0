import { listen } from '../../functions/dev-server/listen.ts';
import { openLocalApi, type LocalApi } from './local-api.ts';

/** The whole API on a real port of this machine, for what speaks HTTP itself. */
export interface ServedApi extends LocalApi {
  readonly url: string;
  /** Answers instead of the API when it gives something; a test breaks things with it. */
  fault(answer: (request: Request) => Response | Promise<Response> | undefined): void;
}

export async function openServedApi(): Promise<ServedApi> {
  const listener = await listen(0);
  const url = `http://127.0.0.1:${listener.port}`;
  const api = await openLocalApi({ baseUrl: url });
  let fault: Parameters<ServedApi['fault']>[0] = () => undefined;
  listener.serve(async (request) => (await fault(request)) ?? api.fetch(request));
  return {
    ...api,
    url,
    fault: (answer) => void (fault = answer),
    async close() {
      await listener.close(0);
      await api.close();
    },
  };
}
