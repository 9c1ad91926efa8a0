const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * Finds the object keys that `JSON.parse` would silently overwrite.
 * `json` must be valid JSON. Returns the path of each repeated key, e.g. `["model.norm.weight", "dtype"]`, once per repetition;
 * array positions are not part of the path.
 */
export function duplicateJsonKeys(json: string): string[][] {
  const duplicates: string[][] = [];
  // One frame per open object or array; an array has no keys. `key` is the latest key read in an object.
  const open: { keys: Set<string> | undefined; key: string }[] = [];
  let keyMayFollow = false;
  for (let i = 0; i < json.length; i++) {
    const frame = open.at(-1);
    switch (json[i]) {
      case '{':
        open.push({ keys: new Set(), key: '' });
        keyMayFollow = true;
        break;
      case '[':
        open.push({ keys: undefined, key: '' });
        keyMayFollow = false;
        break;
      case '}':
      case ']':
        open.pop();
        break;
      case ',':
        keyMayFollow = frame?.keys !== undefined;
        break;
      case '"': {
        const end = endOfString(json, i);
        if (keyMayFollow && frame?.keys) {
          frame.key = JSON.parse(json.slice(i, end)) as string; // a string literal parses to a string
          if (frame.keys.has(frame.key)) duplicates.push(open.filter((f) => f.keys).map((f) => f.key));
          frame.keys.add(frame.key);
          keyMayFollow = false;
        }
        i = end - 1;
        break;
      }
      default:
    }
  }
  return duplicates;
}

/** Index just past the closing quote of the string literal that opens at `start`. */
function endOfString(json: string, start: number): number {
  let i = start + 1;
  while (i < json.length && json.charCodeAt(i) !== QUOTE) i += json.charCodeAt(i) === BACKSLASH ? 2 : 1;
  return i + 1;
}
