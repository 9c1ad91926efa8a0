import { functionGroups, type FunctionName } from '../../../infra/function-groups.ts';
import type { RunningLambda } from './start-lambda.ts';

/** Answers calls of the API as the HTTP API of a stage does: each by the function whose paths it begins with. */
export function lambdaApi(functions: Readonly<Record<FunctionName, RunningLambda>>) {
  return async (request: Request): Promise<Response> => {
    const url = new URL(request.url);
    const name = functionOf(url.pathname);
    if (!name) return new Response('{"message":"Not Found"}', { status: 404 });
    const body = await request.text();
    const answer = await functions[name].invoke({
      version: '2.0',
      rawPath: url.pathname,
      rawQueryString: url.search.slice(1),
      headers: { host: url.host, ...Object.fromEntries(request.headers) },
      isBase64Encoded: false,
      body: body === '' ? null : body,
      requestContext: { http: { method: request.method }, domainName: url.host },
    });
    const { statusCode, headers, body: text, isBase64Encoded } = answer as LambdaAnswer; // as an HTTP API takes it
    const bytes = Buffer.from(text ?? '', isBase64Encoded ? 'base64' : 'utf8');
    return new Response(statusCode === 204 ? null : bytes, { status: statusCode, headers: headers ?? {} });
  };
}

interface LambdaAnswer {
  readonly statusCode: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly isBase64Encoded?: boolean;
}

function functionOf(path: string): FunctionName | undefined {
  const names = Object.keys(functionGroups) as FunctionName[]; // its own keys
  return names.find((name) =>
    functionGroups[name].paths.some((first) => path === first || path.startsWith(`${first}/`)),
  );
}
