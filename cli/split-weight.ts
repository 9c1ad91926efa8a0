/** `PATH=WEIGHT` or `PATH`: a path may hold an equals sign, too, but not one before what stands last. */
export function splitWeight(text: string): { readonly path: string; readonly weight?: unknown } {
  const [, path = text, weight] = /^(.*)=([^=/\\]*)$/s.exec(text) ?? [];
  return { path, ...(weight === undefined ? {} : { weight: asNumber(weight) }) };
}

/** What is no number stays text, for the spec's own message. */
const asNumber = (text: string): unknown => (text !== '' && Number.isFinite(Number(text)) ? Number(text) : text);
