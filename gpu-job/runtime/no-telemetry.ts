import { isMainThread } from 'node:worker_threads';
import { invariant } from '../../shared/errors.ts';

/**
 * Called before the first session is made, and before a thread starts that may make one. From 1.29 on, the runtime's builds for Linux
 * tell Microsoft of every model that is opened, and keep a device id and a queue of reports in the home folder, unless the environment
 * says no. It is that of the process, of which a thread has a copy only: so the main thread says it before any other begins.
 */
export function switchTelemetryOff(): void {
  if (isMainThread) process.env['ORT_DISABLE_TELEMETRY'] = '1';
  invariant(
    process.env['ORT_DISABLE_TELEMETRY'] === '1',
    'the main thread switched the telemetry off before it started this thread',
  );
}
