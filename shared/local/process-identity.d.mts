/** Tells one process from a later one with the same id: when it started. Undefined when there is none, or only what is left of one. */
export function processIdentity(pid: number): string | undefined;
