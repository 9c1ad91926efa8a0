import { html, raw } from 'hono/html';
import type { FieldRow, TypePart } from './field-rows.ts';
import { introduction } from './introduction.ts';
import { pageStyle } from './page-style.ts';
import type { OperationReference, Reference, ValueReference } from './reference.ts';
import { capital } from './reference-text.ts';

type Html = ReturnType<typeof html>;

/** The reference as a page of its own: no script, nothing from elsewhere. */
export function referencePage({ groups, schemas }: Reference): Html {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>Lorary API</title>
        <style>
          ${raw(pageStyle)}
        </style>
      </head>
      <body>
        <nav aria-label="Contents">
          <a class="brand" href="#top">Lorary API</a>
          ${introduction.map(({ title }) => html`<a href="#${anchor(title)}">${title}</a>`)}
          ${groups.map(
            ({ name, operations }) =>
              html`<h2><a href="#${name}">${capital(name)}</a></h2>
                ${operations.map(
                  ({ operationId, method }) =>
                    html`<a href="#${operationId}"><b class="${method}">${method}</b>${operationId}</a>`,
                )}`,
          )}
          <h2><a href="#schemas">Schemas</a></h2>
          ${schemas.map(({ name }) => html`<a href="#schema-${name}">${name}</a>`)}
        </nav>
        <main id="top">
          <h1>Lorary API</h1>
          <p class="lead">
            Keeps, versions, trains, composes, evaluates and merges LoRA adapters. The same as OpenAPI 3.1:
            <a href="/openapi.json">/openapi.json</a>.
          </p>
          ${introduction.map(
            ({ title, text }) =>
              html`<section id="${anchor(title)}">
                <h2>${title}</h2>
                <p>${prose(text)}</p>
              </section>`,
          )}
          ${groups.map(
            ({ name, description, operations }) =>
              html`<section id="${name}">
                <h2>${capital(name)}</h2>
                <p>${prose(description)}</p>
                ${operations.map(operationArticle)}
              </section>`,
          )}
          <section id="schemas">
            <h2>Schemas</h2>
            ${schemas.map(
              ({ name, rows }) =>
                html`<article id="schema-${name}">
                  <h3>${name}</h3>
                  ${table(rows)}
                </article>`,
            )}
          </section>
        </main>
      </body>
    </html>`;
}

function operationArticle(operation: OperationReference): Html {
  const { operationId, method, path, scope, summary, description, creates, params, query } = operation;
  const { body, status, output, errors, curl } = operation;
  return html`<article id="${operationId}">
    <h3><a href="#${operationId}">${operationId}</a></h3>
    <p class="call"><b class="${method}">${method}</b><code>${path}</code></p>
    <p>${prose(summary)}</p>
    ${description === '' ? '' : html`<p>${prose(description)}</p>`}
    <p class="facts">
      <span
        >${scope === 'any' ? 'any valid key' : scope === 'public' ? 'no key' : html`scope <code>${scope}</code>`}</span
      >
      ${creates ? html`<span>takes an <code>Idempotency-Key</code></span>` : ''}
    </p>
    ${
      params.length > 0
        ? html`<h4>Path</h4>
            ${table(params)}`
        : ''
    }
    ${
      query.length > 0
        ? html`<h4>Query</h4>
            ${table(query)}`
        : ''
    }
    ${
      body
        ? html`<h4>Body</h4>
            ${value(body)}`
        : ''
    }
    <h4>Answer <small>${status}</small></h4>
    ${output ? value(output) : html`<p>Nothing but the status.</p>`}
    ${
      errors.length > 0
        ? html`<h4>Errors of its own</h4>
            <p class="codes">${errors.map((code) => html`<code>${code}</code> `)}</p>`
        : ''
    }
    <h4>Example</h4>
    <pre tabindex="0"><code>${curl}</code></pre>
  </article>`;
}

function value({ type, rows }: ValueReference): Html {
  return rows.length > 0 ? table(rows) : html`<p>${typeText(type)}</p>`;
}

function table(rows: readonly FieldRow[]): Html {
  if (rows.length === 0) return html`<p>No fields.</p>`;
  return html`<div class="table" tabindex="0">
    <table>
      <thead>
        <tr>
          <th scope="col">Field</th>
          <th scope="col">Type</th>
          <th scope="col">Meaning</th>
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (row) =>
            html`<tr>
              <td><code>${row.name}</code>${row.required ? '' : html` <i>optional</i>`}</td>
              <td>${typeText(row.type)}</td>
              <td>${notes(row)}</td>
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

function typeText(type: readonly TypePart[]): Html[] {
  return type.map((part) =>
    typeof part === 'string' ? html`${part}` : html`<a href="#schema-${part.schema}">${part.schema}</a>`,
  );
}

function notes({ when, description, bounds, default: standard }: FieldRow): Html[] {
  return [
    ...(when ? [html`<span class="when">with <code>${when.field}</code> <code>${when.value}</code></span> `] : []),
    ...(description === '' ? [] : [html`${prose(description)} `]),
    ...(bounds === '' ? [] : [html`<span class="bounds">${bounds}</span> `]),
    ...(standard === undefined ? [] : [html`<span class="bounds">default <code>${standard}</code></span>`]),
  ];
}

/** Text in which code stands between backticks. */
function prose(text: string): Html[] {
  return text.split('`').map((part, i) => (i % 2 === 1 ? html`<code>${part}</code>` : html`${part}`));
}

const anchor = (title: string): string => title.toLowerCase().replaceAll(/[^a-z]+/g, '-');
