import type { Diagnosis } from './diagnosis.ts';

/** Whether it is one of the versions that `package.json` asks for. */
export function nodeCheck(version: string): Diagnosis {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const enough = major > 20 || (major === 20 && minor >= 19);
  return {
    what: 'Node',
    verdict: enough ? 'good' : 'bad',
    detail: enough ? version : `${version} is too old: install 20.19 or later`,
  };
}
