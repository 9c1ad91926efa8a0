import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What opens something to whoever reads it. */
const secretForms: Readonly<Record<string, RegExp>> = {
  'a key': /lry_[0-9a-f]{16}_[0-9A-Za-z]{40,}/,
  'a signed link': /[?&](sig|signature|X-Amz-Signature)=[\w%-]{16,}/i,
  'a token of Hugging Face': /\bhf_[A-Za-z0-9]{20,}/,
  'a private key': /-----BEGIN [A-Z ]*PRIVATE KEY-----/,
};

/** Which secrets are in a text, each told with the line that has it, without the secret itself. */
export function findSecrets(place: string, text: string): string[] {
  return text.split('\n').flatMap((line, at) =>
    Object.entries(secretForms)
      .filter(([, form]) => form.test(line))
      .map(([what, form]) => `${place}:${at + 1} tells ${what}: ${line.replace(form, '***').slice(0, 200)}`),
  );
}

/** Secrets in what the runs of jobs have printed, below a server's data folder. */
export async function secretsOfRuns(data: string): Promise<string[]> {
  const runs = await readdir(join(data, 'runs')).catch(() => []);
  const found: string[] = [];
  for (const run of runs) {
    const text = await readFile(join(data, 'runs', run, 'output.log'), 'utf8').catch(() => '');
    found.push(...findSecrets(`runs/${run}`, text));
  }
  return found;
}
