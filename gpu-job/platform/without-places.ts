/** The same JSON without the folder that everything stood in: what a job says is read on other machines. */
export function withoutPlaces<T>(value: T, folder: string): T {
  const text = JSON.stringify(value);
  // as it stands inside a JSON string, with either kind of separator
  const inside = JSON.stringify(folder).slice(1, -1);
  const separator = folder.includes('\\') ? '\\\\' : '/';
  return JSON.parse(text.replaceAll(`${inside}${separator}`, '').replaceAll(inside, '.')) as T; // strings stay strings
}
