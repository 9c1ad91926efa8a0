import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { openApiDocument } from '../../shared/contract/openapi.ts';
import { operations } from '../../shared/contract/operations.ts';
import { docsApp } from './docs-app.ts';
import { exampleValue } from './example-value.ts';
import { fieldRows, typeParts } from './field-rows.ts';
import { namedSchemas, type JsonSchema } from './json-schema.ts';
import { makeReference } from './reference.ts';

const document = openApiDocument();
const named = namedSchemas(document);
const rowOf = (schema: string, name: string) => fieldRows(named[schema] ?? {}, named).find((row) => row.name === name);

describe('the OpenAPI document', () => {
  it('has every operation once, with its scope, and is served as it is', async () => {
    const methods = Object.values(document.paths ?? {}).flatMap((path) => Object.values(path as object));
    expect(methods).toHaveLength(operations.length);
    for (const method of methods) expect(method).toHaveProperty('x-scope');
    expect(await (await docsApp().request('/openapi.json')).json()).toEqual(JSON.parse(JSON.stringify(document)));
  });

  it('loses no null where something has a name', () => {
    expect(named['CreatedJob']?.properties?.['job']?.anyOf).toContainEqual({ type: 'null' });
    expect(named['Version']?.properties?.['checks']?.anyOf).toContainEqual({ type: 'null' });
    // the fault that is looked for: `.nullable()` of a named schema
    const lost = Object.values(named).flatMap(({ properties = {} }) =>
      Object.values(properties).filter((field: JsonSchema & { nullable?: boolean }) => field.nullable),
    );
    expect(lost).toEqual([]);
  });

  it('has an example of every body that the server would take', () => {
    for (const { operationId, method, path, body } of operations) {
      const schema = (
        document.paths?.[path]?.[method] as { requestBody?: { content: Record<string, { schema: JsonSchema }> } }
      )?.requestBody?.content['application/json']?.schema;
      if (!schema) continue;
      const parsed = body.safeParse(exampleValue(schema, named));
      expect(parsed.error?.issues, operationId).toBeUndefined();
    }
  });
});

describe('a field', () => {
  it('says its type in words', () => {
    expect(typeParts({ type: ['integer', 'null'] })).toEqual(['whole number', ' or ', 'null']);
    expect(typeParts({ type: 'array', items: { $ref: '#/components/schemas/Base' } })).toEqual([
      'list of ',
      { schema: 'Base' },
    ]);
    expect(typeParts({ type: 'object', additionalProperties: { type: 'number' } })).toEqual([
      'map of text to ',
      'number',
    ]);
  });

  it('says in which form it stands, and what it must be', () => {
    expect(rowOf('TrainRequest', 'method.config.r')).toMatchObject({
      when: { field: 'method.kind', value: 'lora' },
      bounds: '1 to 16384',
      default: '8',
    });
    expect(rowOf('TrainRequest', 'output.adapter')).toMatchObject({ required: false });
    expect(rowOf('Upload', 'files[].received[].sha256')).toMatchObject({ type: ['SHA-256'], required: true });
    expect(rowOf('Download', 'url')).toMatchObject({ required: true });
  });
});

describe('the page', () => {
  it('lets nothing run or load, and its own style through', async () => {
    const response = await docsApp().request('/docs');
    const page = await response.text();
    const policy = response.headers.get('content-security-policy') ?? '';
    const style = /<style>([^]*?)<\/style>/.exec(page)?.[1] ?? '';
    expect(policy).toContain(`'sha256-${createHash('sha256').update(style).digest('base64')}'`);
    expect(policy).toContain("default-src 'none'");
    expect(page).not.toMatch(/<script|style="|src=|https?:\/\//);
  });

  it('has a place for everything that it links to', async () => {
    const page = await (await docsApp().request('/docs')).text();
    const places = new Set([...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id));
    const wanted = [...page.matchAll(/href="#([^"]+)"/g)].map(([, id]) => id);
    expect(wanted.filter((id) => !places.has(id))).toEqual([]);
    for (const { operationId } of operations) expect(places).toContain(operationId);
  });

  it('shows a command for each call that runs as it stands', () => {
    const { groups } = makeReference(document, operations);
    const curl = groups
      .flatMap((group) => group.operations)
      .find(({ operationId }) => operationId === 'previewDataset')?.curl;
    expect(curl).toBe(
      'curl "$LORARY_URL/v1/datasets/talks/preview?base=tiny" \\\n  -H "Authorization: Bearer $LORARY_KEY"',
    );
  });
});
