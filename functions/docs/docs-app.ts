import { createHash } from 'node:crypto';
import { Hono } from 'hono';
import { openApiDocument } from '../../shared/contract/openapi.ts';
import { operations } from '../../shared/contract/operations.ts';
import { referencePage } from './reference-page.ts';
import { makeReference } from './reference.ts';

/** `/openapi.json` and `/docs`: the API for programs and for people, without a key. */
export function docsApp(): Hono {
  const document = openApiDocument();
  const reference = makeReference(document, operations);
  return new Hono()
    .get('/openapi.json', (c) => c.json(document))
    .get('/docs', async (c) => {
      const page = (await referencePage(reference)).toString();
      return c.html(page, 200, {
        'content-security-policy': `default-src 'none'; style-src '${styleHash(page)}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
      });
    });
}

/** Of the text that really stands in the page's style element. */
function styleHash(page: string): string {
  const start = page.indexOf('<style>') + '<style>'.length;
  const text = page.slice(start, page.indexOf('</style>', start));
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}
