import type { Finding } from '../errors.ts';
import { isDecodable, type Dtype } from '../formats/dtype.ts';
import { loraRank, loraTensorRole, type LoraConfig, type LoraTensorRole } from '../methods/lora.ts';
import { moduleTest } from './module-matching.ts';

/** What is known of a tensor from its file's header. */
export interface TensorShape {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
}

/** The tensors of one module: A is [r, inFeatures], B is [outFeatures, r], and with DoRA a magnitude [outFeatures]. */
export interface LoraPair<T extends TensorShape> {
  readonly module: string;
  readonly r: number;
  readonly inFeatures: number;
  readonly outFeatures: number;
  readonly A: T;
  readonly B: T;
  readonly magnitude?: T;
}

/**
 * Pairs the tensors of an adapter file by module and checks them against each other and against the config.
 * Returns the pairs that are sound, in the order of their A in the file, and everything wrong; no base is needed.
 */
export function pairLoraTensors<T extends TensorShape>(
  config: LoraConfig,
  tensors: Iterable<T>,
): { readonly pairs: ReadonlyMap<string, LoraPair<T>>; readonly findings: readonly Finding[] } {
  const findings: Finding[] = [];
  const error: Report = (code, where, message) => void findings.push({ severity: 'error', code, where, message });
  const halves = new Map<string, Parts<T>>();
  for (const tensor of tensors) {
    const role = loraTensorRole(tensor.name);
    if (role.kind === 'A' || role.kind === 'B') {
      const known = halves.get(role.module) ?? {};
      halves.set(role.module, { ...known, [role.kind]: tensor });
    } else if (role.kind === 'dora-magnitude' && config.use_dora)
      halves.set(role.module, { ...halves.get(role.module), magnitude: tensor });
    else error('unusable-tensor', tensor.name, describeRole(role));
  }
  const pairs = new Map<string, LoraPair<T>>();
  // made once a pair asks: it throws for a pattern that is not accepted
  let test: ReturnType<typeof moduleTest> | undefined;
  const isTargeted = (module: string): boolean => (test ??= moduleTest(config.target_modules, config))(module);
  for (const [module, { A, B, magnitude }] of halves) {
    if (A === undefined || B === undefined) {
      const there = A ?? B ?? magnitude;
      error('missing-partner', there?.name ?? module, `its partner lora_${A === undefined ? 'A' : 'B'} is missing`);
      continue;
    }
    const pair = checkPair(config, module, { A, B }, isTargeted, error);
    if (!pair) continue;
    if (!config.use_dora) pairs.set(module, pair);
    else if (isMagnitude(magnitude, pair, error)) pairs.set(module, { ...pair, magnitude });
  }
  if (halves.size === 0) error('no-modules', 'adapter_model.safetensors', 'it holds no lora_A and lora_B tensors');
  return { pairs, findings };
}

interface Parts<T> {
  readonly A?: T;
  readonly B?: T;
  readonly magnitude?: T;
}

type Report = (code: string, where: string, message: string) => void;

function describeRole(role: LoraTensorRole): string {
  switch (role.kind) {
    case 'dora-magnitude':
      return 'use_dora of the config is not set, so PEFT would ignore these magnitudes';
    case 'embedding':
      return 'LoRA on an embedding cannot be used here yet';
    case 'lora-bias':
      return 'a bias on B (lora_bias) cannot be used here yet';
    case 'full-copy':
      return 'a fully trained tensor of the base (modules_to_save) cannot be used here yet';
    case 'named-adapter':
      return "the name carries the name of an adapter or of another method; save it again with PEFT's save_pretrained";
    default:
      return 'the name does not begin with "base_model.model.", as PEFT writes it, so no module would be found for it';
  }
}

function checkPair<T extends TensorShape>(
  config: LoraConfig,
  module: string,
  { A, B }: { readonly A: T; readonly B: T },
  isTargeted: (module: string) => boolean,
  error: Report,
): LoraPair<T> | undefined {
  const undecodable = [A, B].filter((tensor) => !isDecodable(tensor.dtype));
  for (const { name, dtype } of undecodable)
    error('unusable-dtype', name, `its type ${dtype} holds no floats that can be used`);
  const flat = [A, B].filter((tensor) => tensor.shape.length !== 2 || tensor.shape.includes(0));
  for (const { name, shape } of flat)
    error('bad-shape', name, `its shape [${shape.join(', ')}] is not that of a matrix`);
  if (undecodable.length > 0 || flat.length > 0) return undefined;
  const [r = 0, inFeatures = 0] = A.shape;
  const [outFeatures = 0, rankOfB = 0] = B.shape;
  const wanted = loraRank(config, module);
  if (r !== rankOfB)
    error(
      'rank-disagreement',
      module,
      `A is [${A.shape.join(', ')}] and B is [${B.shape.join(', ')}]: their ranks ${r} and ${rankOfB} differ`,
    );
  else if (r !== wanted)
    error('rank-mismatch', module, `its tensors have rank ${r}, but r and rank_pattern of the config give ${wanted}`);
  else if (!isTargeted(module))
    error('not-targeted', module, 'target_modules does not select it, so PEFT would ignore its tensors');
  else return { module, r, inFeatures, outFeatures, A, B };
  return undefined;
}

function isMagnitude<T extends TensorShape>(
  magnitude: T | undefined,
  pair: LoraPair<T>,
  error: Report,
): magnitude is T {
  if (!magnitude)
    error('missing-partner', pair.A.name, 'its partner lora_magnitude_vector is missing, which use_dora asks for');
  else if (!isDecodable(magnitude.dtype))
    error('unusable-dtype', magnitude.name, `its type ${magnitude.dtype} holds no floats that can be used`);
  else if (magnitude.shape.join() === String(pair.outFeatures)) return true;
  else
    error(
      'bad-shape',
      magnitude.name,
      `its shape is [${magnitude.shape.join(', ')}]; there must be one for each of the ${pair.outFeatures} outputs`,
    );
  return false;
}
