import type { Spec } from './parse-spec.ts';
import type { TrainSpec } from './train.ts';
import type { General } from './spec-fields.ts';

/** The same spec with every path passed through `resolve`: contract code knows no file system. */
export function resolveSpecPaths(spec: Spec, resolve: (path: string) => string): Spec {
  const optional = <K extends string>(key: K, path: string | undefined): { [P in K]?: string } =>
    path === undefined ? {} : ({ [key]: resolve(path) } as { [P in K]: string }); // one key of that name
  const general = (given: General | undefined): { general?: General } =>
    given === undefined ? {} : { general: { ...given, ...optional('data', given.data) } };
  const training = <T extends Pick<TrainSpec, 'base' | 'data' | 'evaluation'>>({
    base,
    data,
    evaluation,
  }: T): Pick<T, 'base' | 'data' | 'evaluation'> => ({
    base: resolve(base),
    data: {
      ...data,
      train: resolve(data.train),
      ...(data.mix ? { mix: data.mix.map((part) => ({ ...part, rows: resolve(part.rows) })) } : {}),
      ...optional('eval', data.eval),
    },
    evaluation: { ...evaluation, ...general(evaluation.general) },
  });
  const continued = ({ method }: Pick<TrainSpec, 'method'>): Partial<Pick<TrainSpec, 'method'>> =>
    method.kind === 'continue' ? { method: { ...method, from: resolve(method.from) } } : {};
  switch (spec.kind) {
    case 'train':
      return { ...spec, ...training(spec), ...continued(spec), output: resolve(spec.output) };
    case 'estimate':
      return { ...spec, ...training(spec), ...continued(spec), ...optional('output', spec.output) };
    case 'train-tasks': {
      const rows = (data: TrainSpec['data']): TrainSpec['data'] => ({
        ...data,
        train: resolve(data.train),
        ...optional('eval', data.eval),
      });
      return {
        ...spec,
        train: { ...spec.train, base: resolve(spec.train.base) },
        tasks: spec.tasks.map((task) => ({ ...task, data: rows(task.data) })),
        output: resolve(spec.output),
      };
    }
    case 'find-rate': {
      const { method } = spec.train;
      const from = method.kind === 'continue' ? { method: { ...method, from: resolve(method.from) } } : {};
      return { ...spec, train: { ...spec.train, ...training(spec.train), ...from }, output: resolve(spec.output) };
    }
    case 'sweep':
      return { ...spec, train: { ...spec.train, ...training(spec.train) }, output: resolve(spec.output) };
    case 'evaluate':
      return {
        ...spec,
        base: resolve(spec.base),
        data: resolve(spec.data),
        ...general(spec.general),
        ...optional('adapter', spec.adapter),
        ...optional('output', spec.output),
      };
    case 'generate':
      return {
        ...spec,
        base: resolve(spec.base),
        ...optional('adapter', spec.adapter),
        ...optional('output', spec.output),
      };
    case 'compose':
      return {
        ...spec,
        members: spec.members.map((member) => ({ ...member, adapter: resolve(member.adapter) })),
        output: resolve(spec.output),
      };
    case 'merge':
      return {
        ...spec,
        base: resolve(spec.base),
        adapter: resolve(spec.adapter),
        output: resolve(spec.output),
      };
    case 'export':
      return {
        ...spec,
        ...optional('base', spec.base),
        ...optional('adapter', spec.adapter),
        output: resolve(spec.output),
      };
    case 'quantize':
      return {
        ...spec,
        base: resolve(spec.base),
        output: resolve(spec.output),
        ...optional('data', spec.data),
      };
    case 'data-check':
      return { ...spec, base: resolve(spec.base), data: resolve(spec.data) };
  }
}
