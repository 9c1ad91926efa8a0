import { createHash, createHmac } from 'node:crypto';
import { emulatorKey, emulatorSecret } from '../targets.ts';
import type { WireRequest } from './calls-of-request.ts';

/**
 * The request of somebody who has taken on a role, as one without a role would have signed it (signature version 4, as S3 wants it): for a
 * server that knows one key and refuses tokens.
 */
export function signAgain(request: WireRequest): WireRequest {
  const { 'x-amz-security-token': token, ...headers } = request.headers;
  const parts = /Credential=[^/]+\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request, ?SignedHeaders=([^,]+)/.exec(
    headers['authorization'] ?? '',
  );
  if (token === undefined || !parts) return request;
  const [, day = '', region = '', service = '', names = ''] = parts;
  const signedHeaders = names.split(';').filter((name) => name !== 'x-amz-security-token');
  const [path = '', query = ''] = request.path.split('?');
  const canonical = [
    request.method,
    path,
    canonicalQuery(query),
    ...signedHeaders.map((name) => `${name}:${(headers[name] ?? '').trim()}`),
    '',
    signedHeaders.join(';'),
    headers['x-amz-content-sha256'] ?? '',
  ].join('\n');
  const scope = `${day}/${region}/${service}/aws4_request`;
  const hash = createHash('sha256').update(canonical).digest('hex');
  const text = ['AWS4-HMAC-SHA256', headers['x-amz-date'] ?? '', scope, hash].join('\n');
  const key = [day, region, service, 'aws4_request'].reduce<string | Buffer>(hmac, `AWS4${emulatorSecret}`);
  const authorization = `AWS4-HMAC-SHA256 Credential=${emulatorKey}/${scope}, SignedHeaders=${signedHeaders.join(';')}, Signature=${hmac(key, text).toString('hex')}`;
  return { ...request, headers: { ...headers, authorization } };
}

const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();

function canonicalQuery(query: string): string {
  const pairs = query.split('&').filter((pair) => pair !== '');
  return pairs
    .map((pair) => (pair.includes('=') ? pair : `${pair}=`))
    .toSorted()
    .join('&');
}
