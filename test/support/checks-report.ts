/** What a check found: figures to print beside its name, and what later checks need of it. */
export interface CheckResult<T> {
  readonly figures: string;
  readonly value: T;
}

/** Counts checks and prints one line for each. */
export interface Report {
  /** Runs one check and resolves to what it found, or to undefined when it failed. */
  check<T>(name: string, body: () => Promise<CheckResult<T>>): Promise<T | undefined>;
  /** Checks that could not be run, and why. */
  skip(names: readonly string[], reason: string): void;
  /** Checks for which this machine lacks something: left out, but in CI, which is there to run them, failed with the reason. */
  lack(names: readonly string[], reason: string): void;
  /** Prints `N passed, N failed` as the last line and sets the exit code. */
  end(): void;
}

export function createReport(): Report {
  let [passed, failed, skipped] = [0, 0, 0];
  return {
    async check(name, body) {
      const begun = performance.now();
      console.log(`  ...   ${name}`);
      try {
        const { figures, value } = await body();
        passed++;
        console.log(`  ok    ${name}: ${figures} (${((performance.now() - begun) / 1000).toFixed(0)} s)`);
        return value;
      } catch (error) {
        failed++;
        console.log(`  FAIL  ${name}\n${indent(error instanceof Error ? error.message : String(error))}`);
        return undefined;
      }
    },
    skip(names, reason) {
      skipped += names.length;
      for (const name of names) console.log(`  skip  ${name}: ${reason}`);
    },
    lack(names, reason) {
      if (process.env['CI'] !== 'true') return this.skip(names, reason);
      failed += names.length;
      for (const name of names) console.log(`  FAIL  ${name}\n${indent(reason)}`);
    },
    end() {
      process.exitCode = failed > 0 ? 1 : 0;
      console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
    },
  };
}

/** Fails a check unless the condition holds. */
export function demand(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(message);
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, '        ');
}
