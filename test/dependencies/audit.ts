import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { resultOf } from '../support/lorary-cli.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

export type AuditVerdict =
  | { readonly kind: 'clean'; readonly packages: number }
  /** One line for each package of which something is known. */
  | { readonly kind: 'vulnerable'; readonly findings: readonly string[] }
  /** The registry says that it tells nobody. */
  | { readonly kind: 'not-offered'; readonly reason: string };

/** Asks the registry (npm's own when absent) for what is known of the packages that users install. Throws when it cannot be asked. */
export async function auditDependencies(registry?: string): Promise<AuditVerdict> {
  const words = ['audit', '--omit=dev', '--json', ...(registry === undefined ? [] : [`--registry=${registry}`])];
  const { out, err } = await resultOf(spawn('npm', words, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] }));
  return verdictOf(out, err);
}

const report = z.object({
  vulnerabilities: z.record(
    z.string(),
    z.object({
      severity: z.string(),
      range: z.string(),
      via: z.array(z.union([z.string(), z.object({ title: z.string(), url: z.string() })])),
    }),
  ),
  metadata: z.object({ dependencies: z.object({ prod: z.number() }) }),
});

/** What `npm audit --json` has printed, on its two lines. */
export function verdictOf(out: string, err: string): AuditVerdict {
  const parsed = report.safeParse(readJson(out));
  if (!parsed.success) {
    const said = `${out}\n${err}`;
    const refused = /\b(404 Not Found|405 Method Not Allowed|501 Not Implemented)\b/.exec(said);
    if (refused) return { kind: 'not-offered', reason: `the registry answers ${refused[0]} to npm audit` };
    throw new Error(`npm audit came to nothing: ${said.trim().slice(0, 500)}`);
  }
  const { vulnerabilities, metadata } = parsed.data;
  const findings = Object.entries(vulnerabilities).map(([name, { severity, range, via }]) => {
    const reasons = via.map((one) => (typeof one === 'string' ? `by ${one}` : `${one.title} (${one.url})`));
    return `${name} ${range}: ${severity}: ${reasons.join('; ')}`;
  });
  return findings.length > 0
    ? { kind: 'vulnerable', findings }
    : { kind: 'clean', packages: metadata.dependencies.prod };
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
