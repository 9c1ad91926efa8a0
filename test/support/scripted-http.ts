import { Readable } from 'node:stream';

/** A request as it would have gone over the line. */
export interface SentRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string | string[] | null>>;
  readonly body: string;
}

export interface ScriptedAnswer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** A stream may break off. */
  readonly body?: string | Readable;
}

export interface ScriptedHttp {
  /** For `requestHandler` of a client of the SDK. */
  readonly handler: {
    handle(request: object): Promise<{ response: never }>;
    destroy(): void;
    metadata: { handlerProtocol: string };
  };
  readonly sent: readonly SentRequest[];
}

/** Answers requests of the SDK in the real wire format, without a network. `answer` may throw what a broken line would. */
export function scriptedHttp(answer: (request: SentRequest, at: number) => ScriptedAnswer): ScriptedHttp {
  const sent: SentRequest[] = [];
  return {
    sent,
    handler: {
      metadata: { handlerProtocol: 'http/1.1' },
      async handle(request) {
        const { method, path, headers, query, body } = request as Omit<SentRequest, 'body'> & {
          readonly body: unknown;
        };
        const text = body instanceof Uint8Array ? new TextDecoder().decode(body) : typeof body === 'string' ? body : '';
        const seen = { method, path, headers, query, body: text };
        sent.push(seen);
        const { status = 200, headers: given = {}, body: content = '' } = answer(seen, sent.length - 1);
        const stream = typeof content === 'string' ? Readable.from([Buffer.from(content)]) : content;
        return { response: { statusCode: status, headers: { ...given }, body: stream } as never }; // what the SDK reads of an answer
      },
      destroy() {},
    },
  };
}

/** Settings of a client that sends to it. */
export const scriptedClient = ({ handler }: ScriptedHttp) => ({
  region: 'eu-central-1',
  maxAttempts: 1,
  credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' },
  requestHandler: handler as never, // it has what the SDK calls
});

/** How DynamoDB and EventBridge answer an error. */
export function jsonError(type: string, more: object = {}, status = 400): ScriptedAnswer {
  return {
    status,
    headers: jsonHeaders,
    body: JSON.stringify({ __type: `com.amazonaws#${type}`, message: type, ...more }),
  };
}

export const json = (value: object): ScriptedAnswer => ({ headers: jsonHeaders, body: JSON.stringify(value) });

const jsonHeaders = { 'content-type': 'application/x-amz-json-1.0' };

/** A pace that waits for nothing. */
export const atOnce = { triesMax: 3, wait: async () => undefined, random: () => 0.5 };
