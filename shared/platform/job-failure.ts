import { DomainError, UnavailableError, type Finding } from '../errors.ts';

/** An error in a form that crosses threads. */
export interface JobFailure {
  readonly kind: 'domain' | 'unavailable' | 'bug';
  readonly code: string;
  readonly message: string;
  readonly findings: readonly Finding[];
  readonly stack?: string;
}

/** Sorts an error into what the caller can act on, what may pass, and our own bug. */
export function failureOf(error: unknown): JobFailure {
  if (error instanceof DomainError)
    return { kind: 'domain', code: error.code, message: error.message, findings: error.findings };
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof UnavailableError) return { kind: 'unavailable', code: 'unavailable', message, findings: [] };
  if (isOutOfMemory(message))
    return {
      kind: 'domain',
      code: 'out-of-memory',
      message: `There was not enough memory: ${message}. Lower batch.microBatchTokens (batchTokens), or use a smaller model.`,
      findings: [],
    };
  if (isFullDisk(error))
    return { kind: 'unavailable', code: 'disk-full', message: `The disk is full: ${message}`, findings: [] };
  const stack = error instanceof Error ? error.stack : undefined;
  return { kind: 'bug', code: 'bug', message, findings: [], ...(stack === undefined ? {} : { stack }) };
}

/** The runtime and V8 have no error class for it. */
const isOutOfMemory = (message: string): boolean =>
  /bad_alloc|failed to allocate memory|array buffer allocation failed/i.test(message);

const isFullDisk = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT');

/** The error that a failure was made from. */
export function errorOf({ kind, code, message, findings, stack }: JobFailure): Error {
  if (kind === 'domain') return new DomainError(code, message, { findings });
  if (kind === 'unavailable') return new UnavailableError(message);
  const error = new Error(message);
  if (stack !== undefined) error.stack = stack;
  return error;
}
