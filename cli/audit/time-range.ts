import { DomainError } from '../../shared/errors.ts';

export interface TimeFlags {
  readonly day?: string | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

/** What to ask the server for: a day, or two times; without any of them today. Throws `DomainError('usage')`. */
export function timeQuery({ day, from, to }: TimeFlags, now: number): TimeFlags {
  if (day !== undefined) {
    if (from !== undefined || to !== undefined)
      throw new DomainError('usage', 'Say either --day or --from and --to, not both.');
    return { day: timeOf('--day', day).slice(0, 10) };
  }
  if (from === undefined) {
    if (to !== undefined) throw new DomainError('usage', '--to needs --from.');
    return { day: new Date(now).toISOString().slice(0, 10) };
  }
  return { from: timeOf('--from', from), ...(to === undefined ? {} : { to: timeOf('--to', to) }) };
}

/** `2026-11-29`, `2026-11-29T18:00` or with seconds, in UTC. */
export function timeOf(flag: string, text: string): string {
  const [, date = '', time = '00:00'] = /^(\d{4}-\d\d-\d\d)(?:T(\d\d:\d\d(?::\d\d(?:\.\d+)?)?)Z?)?$/.exec(text) ?? [];
  const at = Date.parse(`${date}T${time}Z`);
  if (Number.isNaN(at))
    throw new DomainError('usage', `${flag} is a time in UTC, such as 2026-11-29 or 2026-11-29T18:00, not "${text}".`);
  return new Date(at).toISOString();
}
