import { GraphBuilder } from '../graph/builder.ts';
import { createSession, type Session, type SessionOptions, type TensorValue } from '../runtime/session.ts';
import { parameterFeeds } from '../training/parameter-feeds.ts';
import { writeDerived, type TunedModel } from './tuned-model.ts';

/** Computes what a method derives from weights and parameters, for graphs that are fed it. */
export interface DerivedValues {
  /** Feeds by name, of these values of the parameters; none where the method derives nothing. */
  of(parameters: ReadonlyMap<string, Float32Array>): Promise<Readonly<Record<string, TensorValue>>>;
  close(): Promise<void>;
}

/** Weights are read from their files and never copied: they are read once for each call of `of`. */
export async function openDerivedValues(
  model: TunedModel,
  options: Pick<SessionOptions, 'threads' | 'profilePrefix'> = {},
): Promise<DerivedValues> {
  const session = model.method?.derived ? await openSession(model, options) : undefined;
  return {
    of: async (parameters) => (session ? session.run(parameterFeeds(model, parameters)) : {}),
    close: async () => session?.close(),
  };
}

function openSession(model: TunedModel, options: Pick<SessionOptions, 'threads' | 'profilePrefix'>): Promise<Session> {
  const graph = new GraphBuilder();
  writeDerived(graph, model);
  return createSession(graph, { ...options, weightsFolder: model.base.path, prepack: false });
}
