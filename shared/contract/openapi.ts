import { OpenAPIHono } from '@hono/zod-openapi';
import { operations } from './operations.ts';
import { routeOf, type Operation } from './operation.ts';

export type OpenApiDocument = ReturnType<OpenAPIHono['getOpenAPI31Document']>;

/** The API as OpenAPI 3.1: every operation, the schemas that have names, and how a caller proves who it is. */
export function openApiDocument(given: readonly Operation[] = operations): OpenApiDocument {
  const app = new OpenAPIHono();
  app.openAPIRegistry.registerComponent('securitySchemes', 'key', {
    type: 'http',
    scheme: 'bearer',
    description: 'An API key, `lry_...`. The scope that a call needs stands in its `x-scope`.',
  });
  for (const operation of given) app.openAPIRegistry.registerPath(routeOf(operation));
  return app.getOpenAPI31Document({
    openapi: '3.1.0',
    info: {
      title: 'Lorary',
      version: '1',
      description: 'Keeps, versions, trains, composes, evaluates and merges LoRA adapters.',
      license: { name: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    tags: [...new Set(given.map(({ tag }) => tag))].map((name) => ({
      name,
      ...(tagTexts[name] === undefined ? {} : { description: tagTexts[name] }),
    })),
  });
}

const tagTexts: Readonly<Record<string, string>> = {
  adapters: 'An adapter is a name under which versions are published. It belongs to one base.',
  versions: 'A version is a set of files that never changes once it is published.',
  aliases: 'An alias such as `production` points to a version; where it has pointed is kept.',
  sharing: 'An adapter is shared with another team to be read and used there, no more.',
  uploads: 'Bytes go straight to the store, in parts, by signed requests; an interrupted upload goes on where it was.',
  bases: 'A base is the model that adapters belong to.',
  datasets: 'A dataset is one file of JSON lines that never changes.',
  compositions: 'A composition is a recipe of adapters with weights, pinned to exact versions.',
  jobs: 'A job trains, evaluates, composes, merges, exports or imports, and survives the death of its machine.',
  generate: 'Text at once, by models that are kept warm.',
  teams: 'Keys and what they may do.',
  audit: 'What was done and what was refused; sealed every hour, so that a later change of it shows.',
};
