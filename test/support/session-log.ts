/**
 * Opens a session of a tiny graph by the C API and prints what the runtime logs of its settings: `session-log.ts [deterministic]`. A process of
 * its own, since the library writes to the standard error of the process.
 */
import { GraphBuilder } from '../../gpu-job/graph/builder.ts';
import { createBoundSession } from '../../gpu-job/runtime/bound-session.ts';
import { openOrtApi, type OrtApi } from '../../gpu-job/runtime/ort-api.ts';

const everything = 0;
const api = openOrtApi();
const call: OrtApi['call'] = (name, ...args) =>
  name === 'SetSessionLogSeverityLevel' ? api.call(name, args[0], everything) : api.call(name, ...args);
const graph = new GraphBuilder();
const x = graph.input('x', 'float32', [2, 2]);
graph.output('y', graph.matmul(x, x));
createBoundSession({ ...api, call }, graph, { deterministic: process.argv[2] === 'deterministic' }).close();
api.close();
