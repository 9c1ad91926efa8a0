import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { App } from 'aws-cdk-lib';
import { createApp } from '../../infra/app.ts';
import { readSettings, type Settings } from '../../infra/settings.ts';

export interface Resource {
  readonly Type: string;
  // what a template says of a resource has no type of its own
  readonly Properties?: Readonly<Record<string, never>>;
  readonly DeletionPolicy?: string;
}

export type Resources = Readonly<Record<string, Resource>>;

export interface SynthStage {
  readonly app: App;
  readonly settings: Settings;
  /** Of each stack, by what it is for: `data`, `app`, `jobs`. */
  readonly stacks: Readonly<Record<string, Resources>>;
  /** Of all stacks. */
  readonly all: readonly (Resource & { readonly id: string })[];
  readonly ofType: (type: string) => readonly (Resource & { readonly id: string })[];
}

/**
 * The stage `dev`, changed by `change`, as templates; the functions are not bundled, which would take seconds each. With `rules`
 * CloudFormation's own rules are checked, too, whose engine takes seconds to start.
 */
export function synthStage(change: Partial<Settings> = {}, { rules = false, letDataGo = false } = {}): SynthStage {
  const settings = { ...readSettings('dev'), ...change };
  const outdir = mkdtempSync(join(tmpdir(), 'lorary-synth-'));
  try {
    const props = {
      outdir,
      context: { 'aws:cdk:bundling-stacks': [] },
      postCliContext: { '@aws-cdk/core:validateAgainstDefaultRules': rules },
    };
    const app = createApp(settings, props, { letDataGo });
    const assembly = app.synth();
    const stacks: Record<string, Resources> = {};
    for (const { stackName, template } of assembly.stacks)
      stacks[stackName.replace(`lorary-${settings.stage}-`, '')] = (template as { Resources: Resources }).Resources;
    const all = Object.values(stacks).flatMap((resources) =>
      Object.entries(resources).map(([id, resource]) => ({ id, ...resource })),
    );
    return { app, settings, stacks, all, ofType: (type) => all.filter(({ Type }) => Type === type) };
  } finally {
    rmSync(outdir, { recursive: true, force: true });
  }
}
