import type { SuiteWorld } from './suite.ts';

/** Sends a signed request over the network, as a client would. */
export const sendSigned: SuiteWorld['send'] = ({ url, headers }, { method, headers: more, body } = {}) =>
  fetch(url, {
    method: method ?? (body ? 'PUT' : 'GET'),
    headers: { ...headers, ...more },
    ...(body ? { body } : {}),
  });
