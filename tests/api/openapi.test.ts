// SPDX-License-Identifier: Apache-2.0
// docs/openapi.json says what the program does: it is valid, it is served, and it names every route and every problem.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Validator } from '@seriousme/openapi-schema-validator';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Gatehouse, root } from '../support/gatehouse.js';

const source = (file: string) => readFileSync(path.join(root, file), 'utf8');
const document = JSON.parse(source('docs/openapi.json'));
const operations: { method: string; path: string; operation: any }[] = [];
for (const [template, methods] of Object.entries<any>(document.paths))
  for (const [method, operation] of Object.entries<any>(methods)) operations.push({ method: method.toUpperCase(), path: template, operation });
const described = operations.map(({ method, path: template }) => `${method} ${template}`).sort();

let gatehouse: Gatehouse;
beforeAll(async () => { gatehouse = await new Gatehouse().start(); });
afterAll(() => gatehouse.stop());

// {"GET", "/files/{id}", ...} of a role's router.
function routesOf(file: string, least = 4): string[] {
  const found = [...source(file).matchAll(/\{"([A-Z]+)",\s+"(\/[^"]*)",\s/g)].map(([, method, template]) => `${method} ${template.replace('...}', '}')}`);
  expect(found.length, file).toBeGreaterThanOrEqual(least);
  return found;
}

test('is valid OpenAPI 3.1', async () => {
  const validator = new Validator();
  const result = await validator.validate(structuredClone(document));
  expect(result.errors ?? []).toEqual([]);
  expect(result.valid).toBe(true);
  expect(validator.version).toBe('3.1');
});

test('is served to anyone, as it is written', async () => {
  const answer = await gatehouse.request('GET', '/openapi.json');
  expect(answer.status).toBe(200);
  expect(answer.headers.get('content-type')).toBe('application/json');
  expect(await answer.json()).toEqual(document);
  const again = await gatehouse.request('GET', '/openapi.json', { headers: { 'if-none-match': answer.headers.get('etag')! } });
  expect(again.status).toBe(304);
});

test('describes every route of the roles, and no other', () => {
  const routes = [...routesOf('src/auth/auth.cpp'), ...routesOf('src/files/files.cpp'), ...routesOf('src/console/console.cpp'), ...routesOf('src/gateway/recent_finder.cpp', 1), ...routesOf('src/gateway/route_endpoints.cpp', 2), ...routesOf('src/app/status.cpp', 1), ...routesOf('src/app/config_endpoint.cpp', 1), ...routesOf('src/app/mail_endpoint.cpp', 2)];
  expect(described).toEqual([...new Set(routes.filter((route) => !route.includes(' /internal/')))].sort());
});

test('describes every built-in route of the gateway', () => {
  const entries = [...source('src/gateway/route_table.cpp').matchAll(/\{"([A-Z ]+)", "(\/[^"]*)", Role::\w+, (\w+), "([^"]*)"/g)];
  expect(entries.length).toBeGreaterThan(20);
  for (const [, methods, template, authentication, permission] of entries) {
    if (template.endsWith('/*')) {
      expect(described.some((route) => route.includes(` ${template.slice(0, -2)}/`)), template).toBe(true);
      continue;
    }
    for (const method of methods.split(' ')) {
      const operation = document.paths[template]?.[method.toLowerCase()];
      expect(operation, `${method} ${template}`).toBeDefined();
      if (authentication === 'required') expect(operation.responses, `${method} ${template}`).toHaveProperty('401');
      if (permission) expect(operation.description, `${method} ${template}`).toContain(`\`${permission}\``);
    }
  }
});

test('what it describes is there, and asks for a token where it says so', async () => {
  for (const { method, path: template, operation } of operations) {
    const target = template.replace(/\{\w+\}/g, '0190163d-8694-739b-aea5-966c26f8ad91');
    const answer = await gatehouse.request(method, target, { headers: { 'sec-fetch-site': 'same-origin' } });
    const name = `${method} ${template}`;
    const problem = method !== 'HEAD' && answer.headers.get('content-type')?.startsWith('application/problem+json') ? ((await answer.json()) as any) : undefined;
    if (template !== '/console/assets/{name}') expect(problem?.code, name).not.toBe('not_found');
    expect(answer.status, name).not.toBe(405);
    if (operation.security.every((requirement: object) => Object.keys(requirement).length > 0) && operation.security.length > 0 && template !== '/login')
      expect(answer.status, name).toBe(401);
    const documented = operation.responses[answer.status] ?? operation.responses.default;
    expect(documented, `${name}: ${answer.status}`).toBeDefined();
    if (problem) expect(problem.status, name).toBe(answer.status);
  }
});

test('names every problem that the program can answer, and no other', () => {
  const rows = [...source('docs/problems.md').matchAll(/^\| `(\w+)` \| (\d+) \| (.*) \|$/gm)].map(([, code, status, title]) => ({ const: code, title, description: `Status ${status}` }));
  expect(rows.length).toBeGreaterThan(30);
  expect(document.components.schemas.Problem.properties.code.oneOf).toEqual(rows);
  const status = new Map(rows.map((row) => [row.const, row.description.slice(-3)]));
  // A code in an operation stands at its own status.
  for (const { method, path: template, operation } of operations)
    for (const [key, given] of Object.entries<any>(operation.responses)) {
      const response = given.$ref ? document.components.responses[given.$ref.split('/').pop()] : given;
      if (!response.content?.['application/problem+json'] || key === 'default') continue;
      for (const [, code] of response.description.matchAll(/`(\w+)`/g)) expect(status.get(code), `${method} ${template} ${code}`).toBe(key);
    }
});
