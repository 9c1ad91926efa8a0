/** Formats a time in UTC as Python's `strftime` does in the C locale; a directive that is not known stays as it is. */
export function strftime(time: Date, format: string): string {
  return format.replaceAll(/%-?[a-zA-Z%]/g, (directive) => {
    const padded = directives[directive.replace('-', '')]?.(time);
    if (padded === undefined) return directive;
    return directive.startsWith('%-') ? padded.replace(/^0+(?=.)/, '') : padded;
  });
}

const days = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const months = 'January February March April May June July August September October November December'.split(' ');
const digits = (value: number, count = 2): string => String(value).padStart(count, '0');
const day = (time: Date): string => days[time.getUTCDay()] as string; // 0..6
const month = (time: Date): string => months[time.getUTCMonth()] as string; // 0..11
const dayOfYear = (time: Date): number =>
  Math.floor((time.getTime() - Date.UTC(time.getUTCFullYear(), 0, 1)) / 86_400_000) + 1;

const directives: Readonly<Record<string, (time: Date) => string>> = {
  '%a': (time) => day(time).slice(0, 3),
  '%A': day,
  '%b': (time) => month(time).slice(0, 3),
  '%B': month,
  '%d': (time) => digits(time.getUTCDate()),
  '%H': (time) => digits(time.getUTCHours()),
  '%I': (time) => digits(time.getUTCHours() % 12 || 12),
  '%j': (time) => digits(dayOfYear(time), 3),
  '%m': (time) => digits(time.getUTCMonth() + 1),
  '%M': (time) => digits(time.getUTCMinutes()),
  '%p': (time) => (time.getUTCHours() < 12 ? 'AM' : 'PM'),
  '%S': (time) => digits(time.getUTCSeconds()),
  '%y': (time) => digits(time.getUTCFullYear() % 100),
  '%Y': (time) => digits(time.getUTCFullYear(), 4),
  '%Z': () => 'UTC',
  '%%': () => '%',
};
