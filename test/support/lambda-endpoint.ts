import { listen } from '../../functions/dev-server/listen.ts';

/** Answers `Invoke` as AWS's reference of Lambda shows it, for functions that run in this process. */
export interface LambdaEndpoint {
  /** The settings that lead the SDK, in this process or another one, to it. */
  readonly environment: Readonly<Record<string, string>>;
  /** Calls that arrived, whatever was answered. */
  readonly calls: readonly string[];
  /** Answers, or does not, instead of the functions; undefined: they answer again. */
  fault(answer: ((request: Request) => Promise<Response> | Response) | undefined): void;
  close(): Promise<void>;
}

export async function openLambdaEndpoint(
  functions: Readonly<Record<string, (event: unknown) => Promise<unknown>>>,
): Promise<LambdaEndpoint> {
  const listener = await listen(0);
  const calls: string[] = [];
  let fault: Parameters<LambdaEndpoint['fault']>[0];
  listener.serve(async (request) => {
    const [, name = ''] = /^\/2015-03-31\/functions\/([^/]+)\/invocations$/.exec(new URL(request.url).pathname) ?? [];
    calls.push(name);
    if (fault) return fault(request);
    const handler = functions[name];
    if (!handler) return lambdaError(404, 'ResourceNotFoundException', `Function not found: ${name}`);
    try {
      return Response.json(await handler(JSON.parse(await request.text())));
    } catch (error) {
      const { name: errorType, message: errorMessage } = error as Error; // what our functions throw
      return Response.json({ errorType, errorMessage }, { headers: { 'x-amz-function-error': 'Unhandled' } });
    }
  });
  return {
    environment: {
      AWS_ENDPOINT_URL_LAMBDA: `http://127.0.0.1:${listener.port}`,
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
      AWS_EC2_METADATA_DISABLED: 'true',
      AWS_CONFIG_FILE: '/dev/null',
      AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    },
    calls,
    fault: (answer) => void (fault = answer),
    close: () => listener.close(0),
  };
}

export const lambdaError = (status: number, type: string, message: string): Response =>
  Response.json({ Type: 'User', Message: message, message }, { status, headers: { 'x-amzn-errortype': type } });
