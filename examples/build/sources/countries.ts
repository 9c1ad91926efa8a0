import { readFileSync } from 'node:fs';
import { packageFile } from './package-file.ts';

export interface Country {
  readonly name: string;
  readonly capital: string;
  readonly currency: string;
}

/** Countries with their capitals and currencies. */
export function readCountries(): Country[] {
  const rows = JSON.parse(readFileSync(packageFile('world-countries-capitals', 'data/data.json'), 'utf8')) as Record<
    string,
    unknown
  >[]; // a pinned package: the columns used are checked below
  return rows.flatMap(({ country, capital, currency }) =>
    typeof country === 'string' && typeof capital === 'string' && typeof currency === 'string'
      ? [{ name: titleCase(country), capital: titleCase(capital), currency }]
      : [],
  );
}

const titleCase = (name: string): string => name.replaceAll(/(?<=^|[\s-])[a-z]/g, (letter) => letter.toUpperCase());
