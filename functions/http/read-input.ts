import type { Context } from 'hono';
import { z } from 'zod';
import type { Operation, OperationInput } from '../../shared/contract/operation.ts';
import { issueFindings } from '../../shared/contract/specs/issue-findings.ts';
import { DomainError, refuseErrors, type Finding } from '../../shared/errors.ts';
import { limits } from '../../shared/limits.ts';
import { checkValue } from '../../shared/check-value.ts';

/** Params, query and body of a call, checked. Throws `DomainError('invalid-request')` with everything that is wrong in any of them. */
export async function readInput<O extends Operation>(operation: O, c: Context): Promise<OperationInput<O>> {
  const findings: Finding[] = [];
  const read = (schema: z.ZodType, place: string, value: unknown): unknown => {
    const parsed = checkValue(schema, value, { reportInput: true });
    if (parsed.success) return parsed.data;
    for (const finding of issueFindings(schema, parsed.error.issues))
      findings.push({ ...finding, where: [place, finding.where].filter((part) => part).join('.') });
    return undefined;
  };
  const params = read(operation.params, 'path', c.req.param());
  const query = read(operation.query.strict(), 'query', c.req.query());
  const body =
    operation.body instanceof z.ZodUndefined ? undefined : read(operation.body, 'body', await readJson(c, findings));
  refuseErrors('invalid-request', 'This call was not understood:', findings);
  return { params, query, body } as OperationInput<O>; // parsed by the very schemas that the type is made from
}

async function readJson(c: Context, findings: Finding[]): Promise<unknown> {
  const type = c.req.header('content-type') ?? '';
  if (!/^application\/json\s*(;|$)/i.test(type))
    throw new DomainError('unsupported-media-type', 'Send the body as JSON, with "Content-Type: application/json".');
  const text = await readText(c);
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    const message = `it is not valid JSON: ${error instanceof Error ? error.message : ''}`;
    findings.push({ severity: 'error', code: 'invalid-request', where: 'body', message });
    throw new DomainError('invalid-request', `The body is not valid JSON.`, { findings });
  }
}

/** The body, given up as soon as it is too large. */
async function readText(c: Context): Promise<string> {
  const tooLarge = (): DomainError =>
    new DomainError('too-large', `A body has at most ${limits.requestBodyBytesMax} bytes; send files by an upload.`);
  if (Number(c.req.header('content-length') ?? 0) > limits.requestBodyBytesMax) throw tooLarge();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of c.req.raw.body ?? []) {
    const bytes = chunk as Uint8Array; // what the stream of a request gives
    size += bytes.length;
    if (size > limits.requestBodyBytesMax) throw tooLarge();
    chunks.push(bytes);
  }
  return new TextDecoder().decode(Buffer.concat(chunks));
}
