/**
 * Tells one process from a later one with the same id: when it started (on Windows only that it is there). Undefined when there is none,
 * or only what is left of one.
 */
export function processIdentity(pid: number, system?: NodeJS.Platform): string | undefined;

/** Whether a process with this identity can still be there: not when the machine was started anew since. */
export function isOfThisBoot(identity: string): boolean;
