import type { Finding } from '../errors.ts';
import { isDecodable, type Dtype } from '../formats/dtype.ts';
import { loraRank, loraTensorRole, type LoraConfig, type LoraTensorRole } from '../methods/lora.ts';
import { moduleTest } from './module-matching.ts';
import { savedTensors } from './saved-tensors.ts';

/** What is known of a tensor from its file's header. */
export interface TensorShape {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
}

/** The tensors of one module: A is [r, inFeatures], B is [outFeatures, r], and with DoRA a magnitude [outFeatures]. */
export interface LoraPair<T extends TensorShape> {
  readonly module: string;
  /** Its tensors are those of a transposed weight: A is [r, outFeatures], B is [inFeatures, r], an output for each token. */
  readonly kind?: 'embedding';
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
): {
  readonly pairs: ReadonlyMap<string, LoraPair<T>>;
  /** Fully trained tensors (`modules_to_save`) under their names in the base. */
  readonly copies: ReadonlyMap<string, T>;
  readonly findings: readonly Finding[];
} {
  const findings: Finding[] = [];
  const error: Report = (code, where, message) => void findings.push({ severity: 'error', code, where, message });
  const halves = new Map<string, Parts<T>>();
  const copies = new Map<string, T>();
  const baseLayers: string[] = [];
  for (const tensor of tensors) {
    const role = loraTensorRole(tensor.name);
    if (role.kind === 'A' || role.kind === 'B') {
      const known = halves.get(role.module) ?? {};
      halves.set(role.module, { ...known, [role.kind]: tensor });
    } else if (role.kind === 'embedding' && !config.use_dora) {
      const half = tensor.name.endsWith('A') ? 'A' : 'B';
      halves.set(role.module, { ...halves.get(role.module), kind: 'embedding', [half]: tensor });
    } else if (role.kind === 'full-copy' && isBaseLayer.test(role.module)) baseLayers.push(tensor.name);
    else if (role.kind === 'full-copy' && savedTensors(config.modules_to_save, [{ name: role.module }]).length > 0)
      copies.set(role.module, tensor);
    else if (role.kind === 'dora-magnitude' && config.use_dora)
      halves.set(role.module, { ...halves.get(role.module), magnitude: tensor });
    else error('unusable-tensor', tensor.name, describeRole(role));
  }
  const pairs = new Map<string, LoraPair<T>>();
  // made once a pair asks: it throws for a pattern that is not accepted
  let test: ReturnType<typeof moduleTest> | undefined;
  const isTargeted = (module: string): boolean => (test ??= moduleTest(config.target_modules, config))(module);
  for (const [module, { A, B, kind, magnitude }] of halves) {
    if (A === undefined || B === undefined) {
      const there = A ?? B ?? magnitude;
      error('missing-partner', there?.name ?? module, `its partner lora_${A === undefined ? 'A' : 'B'} is missing`);
      continue;
    }
    const pair = checkPair(config, module, { A, B, ...(kind ? { kind } : {}) }, isTargeted, error);
    if (!pair) continue;
    if (!config.use_dora) pairs.set(module, pair);
    else if (isMagnitude(magnitude, pair, error)) pairs.set(module, { ...pair, magnitude });
  }
  if (halves.size === 0) error('no-modules', 'adapter_model.safetensors', 'it holds no lora_A and lora_B tensors');
  for (const [name, { dtype }] of copies)
    if (!isDecodable(dtype)) error('unusable-dtype', name, `its type ${dtype} holds no floats that can be used`);
  if (baseLayers[0] !== undefined)
    findings.push({
      severity: 'warning',
      code: 'base-copy',
      where: baseLayers[0],
      message: 'PEFT keeps a copy of the embedding of the base; it is not read, that of the base is taken',
    });
  return { pairs, copies, findings };
}

/** PEFT saves the frozen weight of an embedding beside its factors. */
const isBaseLayer = /(^|\.)(embed_tokens|lm_head)\.base_layer\.weight$/;

interface Parts<T> {
  readonly kind?: 'embedding';
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
      return 'DoRA on an embedding cannot be used here yet';
    case 'lora-bias':
      return 'a bias on B (lora_bias) cannot be used here yet';
    case 'full-copy':
      return 'it is a fully trained tensor of the base, which modules_to_save does not name';
    case 'named-adapter':
      return "the name carries the name of an adapter or of another method; save it again with PEFT's save_pretrained";
    default:
      return 'the name does not begin with "base_model.model.", as PEFT writes it, so no module would be found for it';
  }
}

function checkPair<T extends TensorShape>(
  config: LoraConfig,
  module: string,
  { A, B, kind }: { readonly A: T; readonly B: T; readonly kind?: 'embedding' },
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
  const [r = 0, columns = 0] = A.shape;
  const [rows = 0, rankOfB = 0] = B.shape;
  const sizes = kind ? { inFeatures: rows, outFeatures: columns } : { inFeatures: columns, outFeatures: rows };
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
  else return { module, r, ...sizes, A, B, ...(kind ? { kind } : {}) };
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
