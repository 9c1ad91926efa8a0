import { Function as EdgeFunction, FunctionCode, FunctionRuntime } from 'aws-cdk-lib/aws-cloudfront';
import type { Construct } from 'constructs';

/**
 * What a page of the console is asked for as: its files are those below `/assets/` and those with an extension beside `index.html`;
 * every other path is a place in the console, which has one page. Asked before the bucket is, so that an error stays an error, of the
 * API as of a file that is missing.
 */
export const consoleRoutesCode = `
function handler(event) {
  var request = event.request;
  var isFile = /^\\/assets\\//.test(request.uri) || /^\\/[^\\/]+\\.[A-Za-z0-9]+$/.test(request.uri);
  if (!isFile) request.uri = '/index.html';
  return request;
}`;

/** For the behaviour of the console alone. */
export function consoleRoutes(scope: Construct): EdgeFunction {
  return new EdgeFunction(scope, 'ConsoleRoutes', {
    code: FunctionCode.fromInline(consoleRoutesCode),
    runtime: FunctionRuntime.JS_2_0,
  });
}
