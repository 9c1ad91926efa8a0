import { ownerMark } from '../contract/fields.ts';

/** Whose adapter is meant, and its name there. */
export interface AdapterRef {
  /** Absent: the team that asks. */
  readonly owner?: string;
  readonly name: string;
}

/** `NAME` or `TEAM:NAME`. */
export function splitRef(ref: string): AdapterRef {
  const at = ref.indexOf(ownerMark);
  return at < 0 ? { name: ref } : { owner: ref.slice(0, at), name: ref.slice(at + ownerMark.length) };
}

/** How a team names an adapter that another one shares with it. */
export function sharedRef(owner: string, name: string): string {
  return `${owner}${ownerMark}${name}`;
}
