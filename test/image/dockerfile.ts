import { DockerfileParser, type Copy, type Flag, type From, type Instruction } from 'dockerfile-ast';

/** One instruction; `flags` without their dashes. */
export interface Step {
  readonly keyword: string;
  /** As written, continued lines included. */
  readonly text: string;
  readonly flags: Readonly<Record<string, string>>;
  /** Without the flags. */
  readonly args: readonly string[];
  readonly line: number;
}

export interface Stage {
  readonly name: string;
  /** Another stage's name, or an image, its arguments filled in. */
  readonly base: string;
  readonly steps: readonly Step[];
}

/** The stages of a Dockerfile in order, read by a parser of that language. */
export function readStages(text: string): Stage[] {
  const defaults = new Map<string, string>();
  const stages: { name: string; base: string; steps: Step[] }[] = [];
  for (const instruction of DockerfileParser.parse(text).getInstructions()) {
    const keyword = instruction.getKeyword();
    const last = stages.at(-1);
    if (keyword === 'FROM') {
      const from = instruction as From; // as its keyword says
      const image = (from.getImage() ?? '').replace(/\$\{(\w+)\}/g, (_, name: string) => defaults.get(name) ?? '');
      stages.push({ name: from.getBuildStage() ?? '', base: image, steps: [] });
    } else if (last) last.steps.push(stepOf(instruction));
    else if (keyword === 'ARG') {
      const [, name = '', value = ''] = /^(\w+)=(.*)$/.exec(instruction.getArgumentsContent() ?? '') ?? [];
      defaults.set(name, value);
    }
  }
  return stages;
}

function stepOf(instruction: Instruction): Step {
  const flags = 'getFlags' in instruction ? (instruction as Copy).getFlags() : []; // whatever has flags has them alike
  return {
    keyword: instruction.getKeyword(),
    text: instruction.getRawArgumentsContent() ?? '',
    flags: Object.fromEntries(flags.map((flag: Flag) => [flag.getName(), flag.getValue() ?? ''])),
    args: instruction.getArguments().map((argument) => argument.getValue()),
    line: instruction.getRange().start.line + 1,
  };
}

/** The last one of a kind that counts for an image, in its stage or the ones it stands on. */
export function lastStep(stages: readonly Stage[], name: string, keyword: string): Step | undefined {
  const stage = stages.find((one) => one.name === name);
  if (!stage) return undefined;
  return stage.steps.findLast((step) => step.keyword === keyword) ?? lastStep(stages, stage.base, keyword);
}

/** `ENV` of an image, the ones of its bases included. */
export function environmentOf(stages: readonly Stage[], name: string): Record<string, string> {
  const stage = stages.find((one) => one.name === name);
  if (!stage) return {};
  const own = stage.steps.filter(({ keyword }) => keyword === 'ENV').flatMap(({ args }) => args);
  const pairs = own.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)] as const);
  return { ...environmentOf(stages, stage.base), ...Object.fromEntries(pairs) };
}
