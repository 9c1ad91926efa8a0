import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { openBaseModel, readTensorFloat32 } from '../../gpu-job/folders/base-model.ts';
import { runExport } from '../../gpu-job/jobs/export.ts';
import { runQuantize } from '../../gpu-job/jobs/quantize.ts';
import type { QuantizeReport } from '../../shared/contract/reports.ts';
import { exportSpecSchema } from '../../shared/contract/specs/export.ts';
import { quantizeSpecSchema } from '../../shared/contract/specs/quantize.ts';
import { openAdapted } from '../parity/open-adapted.ts';
import { rememberingContext } from '../support/remembering-context.ts';
import { agreement, askLlama, ourLogits } from './agreement.ts';
import { compareWithPeft } from './peft.ts';
import { places } from './places.ts';
import { demand, type CheckResult, type Report } from '../support/checks-report.ts';
import { trainAdapter } from './train-adapter.ts';

/** The checks of packed weights, in the order they run. */
export const packedChecks = {
  blocks: 'the blocks of the GGUF are kept, with every value that it has when it is decoded',
  qlora: '30 QLoRA steps on them lower the held-out loss',
  qloraPeft: 'PEFT loads what they made and has our logits',
  qloraLlama: 'llama.cpp has our next token with it on the published file',
  nf4: 'packed as NF4, in 4.127 bits, the model keeps most of its held-out loss',
  nf4Peft: 'transformers and PEFT read the NF4 folder by bitsandbytes and have our logits',
} as const;

const at = (name: string): string => join(places.packed, name);

/** Runs them on the published GGUF and the base that was made of it. `ids`: what logits are compared on. */
export async function runPackedChecks(report: Report, ids: readonly number[]): Promise<void> {
  await rm(places.packed, { recursive: true, force: true });
  await mkdir(places.packed, { recursive: true });
  const blocks = await report.check(packedChecks.blocks, keepBlocks);
  const adapter = blocks && (await report.check(packedChecks.qlora, () => train(blocks)));
  if (!blocks || adapter === undefined)
    return report.skip(Object.values(packedChecks).slice(2), 'there is no packed base or no adapter');
  await report.check(packedChecks.qloraPeft, () => compare(places.base, adapter, ids, blocks, 1e-4));
  await report.check(packedChecks.qloraLlama, () => askWithAdapter(blocks, adapter));
  const nf4 = await report.check(packedChecks.nf4, packNf4);
  if (nf4 === undefined) report.skip([packedChecks.nf4Peft], 'there is no NF4 folder');
  else await report.check(packedChecks.nf4Peft, () => compare(nf4, adapter, ids, nf4, 1e-4));
  await rm(places.packed, { recursive: true });
}

function quantize(spec: Record<string, unknown>): Promise<QuantizeReport> {
  return runQuantize(quantizeSpecSchema.parse({ kind: 'quantize', ...spec }), rememberingContext());
}

async function keepBlocks(): Promise<CheckResult<string>> {
  const output = at('blocks');
  const { changed, bitsPerWeight: bits } = await quantize({ base: places.gguf, type: 'gguf', output });
  const [packed, float] = [await openBaseModel(output), await openBaseModel(places.base)];
  let values = 0;
  for (const name of float.tensors.keys()) {
    const [ours, decoded] = [await readTensorFloat32(packed, name), await readTensorFloat32(float, name)];
    const wrong = decoded.findIndex((value, i) => value !== ours[i]);
    demand(wrong < 0 && ours.length === decoded.length, `value ${wrong} of ${name} differs`);
    values += decoded.length;
  }
  demand(changed === 210 && packed.tensors.size === float.tensors.size, `${changed} matrices are packed`);
  return {
    figures: `${values} values alike; ${bits?.packed} bits a packed weight, ${bits?.model.toFixed(2)} of all`,
    value: output,
  };
}

async function train(base: string): Promise<CheckResult<string>> {
  const { adapter, steps, first, last } = await trainAdapter(base, at('run'));
  const figures = `${first.toFixed(4)} -> ${last.toFixed(4)} nats a token after ${steps} steps`;
  demand(steps === 30 && last < first - 0.02, figures);
  return { figures, value: adapter };
}

async function compare(
  theirBase: string,
  adapter: string,
  ids: readonly number[],
  ourBase: string,
  bound: number,
): Promise<CheckResult<void>> {
  const { base, adapted, change, loraModules, ourModules } = await compareWithPeft(theirBase, adapter, [ids], ourBase);
  const [a, b, c] = [base, adapted, change].map((value) => value.toExponential(1));
  const figures = `base ${a}, adapted ${b} of the largest logit, which the adapter changes by ${c}; ${loraModules} modules`;
  demand(loraModules === ourModules && base <= bound && adapted <= bound && change > 20 * adapted, figures);
  return { figures, value: undefined };
}

/** llama.cpp rounds activations to 8 bits beside such weights, which moves near ties. */
async function askWithAdapter(base: string, adapter: string): Promise<CheckResult<void>> {
  const output = at('adapter-gguf');
  const spec = exportSpecSchema.parse({ kind: 'export', format: 'gguf', base, adapter, dtype: 'f32', output });
  await runExport(spec, rememberingContext());
  const answer = await askLlama({ lora: join(output, 'adapter.gguf'), windows: 2, tokens: 320 });
  const logits = await ourLogits(answer.windows, await openAdapted(await openBaseModel(base), adapter));
  const { positions, share, ourLoss, theirLoss } = agreement(answer, logits);
  const figures = `${(100 * share).toFixed(1)}% of ${positions} positions; mean loss ${ourLoss.toFixed(4)}, theirs ${theirLoss.toFixed(4)}`;
  demand(positions >= 512 && share >= 0.92 && Math.abs(ourLoss - theirLoss) < 0.02, figures);
  return { figures, value: undefined };
}

async function packNf4(): Promise<CheckResult<string>> {
  const data = join(at('run'), 'held-out.jsonl');
  const report = await quantize({ base: places.base, type: 'nf4', output: at('nf4'), data, rowsMax: 20 });
  const { loss, bitsPerWeight: bits, relativeError } = report;
  const figures = `${loss?.float.toFixed(4)} -> ${loss?.packed.toFixed(4)} nats a token, relative error ${relativeError?.toFixed(4)}, ${bits?.packed.toFixed(3)} bits`;
  // seen: 0.19; the weights have been rounded to 4 bits before, and small models lose more
  demand(loss !== null && loss.gap < 0.25 && (bits?.packed ?? 9) < 4.13, figures);
  return { figures, value: at('nf4') };
}
