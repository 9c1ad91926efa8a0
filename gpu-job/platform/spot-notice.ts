import { limits } from '../../shared/limits.ts';

export interface SpotNoticeOptions {
  /** Of the instance metadata service, e.g. `http://169.254.169.254`. */
  readonly endpoint: string;
  /** Between two looks. */
  readonly everySeconds?: number;
}

export interface SpotNotice {
  /** Aborted when the machine is about to be taken away; its reason says when. */
  readonly signal: AbortSignal;
  stop(): void;
}

/**
 * Asks the machine it runs on, by IMDSv2, whether it will be taken away: AWS says so two minutes before, which is sooner than the container
 * service stops its containers. Where no metadata service answers, as on Fargate, it gives up after a few looks; one that has answered is
 * asked on, whatever happens in between.
 */
export function watchSpotNotice({ endpoint, everySeconds = limits.spotLookSeconds }: SpotNoticeOptions): SpotNotice {
  const notice = new AbortController();
  let token: string | undefined;
  let answered = false;
  let unanswered = 0;
  let timer: NodeJS.Timeout | undefined;
  let ended = false;

  const ask = (path: string, init: RequestInit): Promise<Response> =>
    fetch(new URL(path, endpoint), { ...init, signal: AbortSignal.timeout(answerMilliseconds), redirect: 'error' });
  const look = async (): Promise<void> => {
    token ??= await newToken(ask);
    const response = await ask('/latest/meta-data/spot/instance-action', { headers: { [tokenHeader]: token } });
    answered = true;
    const text = await response.text();
    if (response.status === 401) token = undefined; // it has run out
    if (response.status !== 200) return;
    notice.abort(new Error(`This machine is about to be taken away: ${text.slice(0, noticeCharsMax)}`));
  };
  const lookAgain = async (): Promise<void> => {
    try {
      await look();
      unanswered = 0;
    } catch {
      unanswered += 1;
    }
    const hopeless = !answered && unanswered >= looksInVain;
    if (!ended && !hopeless && !notice.signal.aborted)
      timer = setTimeout(() => void lookAgain(), 1000 * everySeconds).unref();
  };
  void lookAgain();
  return {
    signal: notice.signal,
    stop() {
      ended = true;
      clearTimeout(timer);
    },
  };
}

/** Where the SDK looks for the metadata service, too; `undefined` when it was switched off. */
export function metadataEndpoint(environment: Readonly<Record<string, string | undefined>>): string | undefined {
  if (environment['AWS_EC2_METADATA_DISABLED']?.toLowerCase() === 'true') return undefined;
  return environment['AWS_EC2_METADATA_SERVICE_ENDPOINT'] || 'http://169.254.169.254';
}

const tokenHeader = 'x-aws-ec2-metadata-token';
const answerMilliseconds = 1000;
const looksInVain = 3;
const noticeCharsMax = 200;

async function newToken(ask: (path: string, init: RequestInit) => Promise<Response>): Promise<string> {
  const headers = { [`${tokenHeader}-ttl-seconds`]: '21600' };
  const response = await ask('/latest/api/token', { method: 'PUT', headers });
  const text = await response.text();
  if (!response.ok) throw new Error(`The metadata service gives no token: ${response.status}`);
  return text;
}
