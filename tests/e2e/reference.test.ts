// SPDX-License-Identifier: Apache-2.0
// The reference of the API, as the program serves it: to anybody, from its own document, with nothing from elsewhere.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { Gatehouse, root } from '../support/gatehouse.js';
import { barriers, browser, button, isShown, picture, screens, useBrowser, visit } from './browser.js';

const gatehouse = new Gatehouse();
const document = JSON.parse(readFileSync(path.join(root, 'docs/openapi.json'), 'utf8')) as { paths: Record<string, Record<string, { summary: string }>>; components: { schemas: object } };

useBrowser(gatehouse);

test('it has every request and every schema, without a login and without another origin', async () => {
  const { page, context, complaints } = await visit(browser);
  const origins = new Set<string>();
  page.on('request', (request) => void origins.add(new URL(request.url()).origin));
  await page.goto(`${gatehouse.url}/console/api`);
  await isShown(page.getByRole('heading', { level: 1, name: 'API reference' }));
  expect(await page.title()).toBe('API · Gatehouse');
  const operations = Object.entries(document.paths).flatMap(([at, methods]) => Object.keys(methods).map((method) => `${method.toUpperCase()} ${at}`));
  await isShown(page.getByText(`${operations.length} requests`));
  const listed = await page.locator('main summary:has(.method)').evaluateAll((found) => found.map((one) => [...one.querySelectorAll('.method, .path')].map((part) => part.textContent).join(' ')));
  expect(listed.sort()).toEqual(operations.sort());
  for (const name of Object.keys(document.components.schemas)) expect(await page.locator(`#schema-${name}`).count(), name).toBe(1);
  expect([...origins]).toEqual([gatehouse.url]);
  expect(complaints).toEqual([]);
  await context.close();
});

test('a request is found, opened, and copied as a line of curl that works', async () => {
  const { page, context, complaints } = await visit(browser, { permissions: ['clipboard-read', 'clipboard-write'] });
  await page.goto(`${gatehouse.url}/console/api`);
  const search = page.getByLabel('Find a request');
  await search.fill('setup needed no such');
  await isShown(page.getByText('No request has this in it'));
  await search.fill('get /openapi');
  await isShown(page.getByText('1 request', { exact: true }));
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await isShown(page.getByText('Takes no token.'));
  await button(page, 'Copy').click();
  const line = await page.evaluate(() => navigator.clipboard.readText());
  expect(line).toBe(`curl ${gatehouse.url}/openapi.json`);
  expect(complaints).toEqual([]);
  await context.close();
});

test('an address leads to one request, and links lead to the types it names', async () => {
  const { page, context, complaints } = await visit(browser);
  await page.goto(`${gatehouse.url}/console/api#post-upload`);
  const upload = page.locator('#post-upload');
  await isShown(upload.getByText('Name of the file of a raw body'));
  await isShown(upload.getByText('bad_multipart'));
  expect(await upload.evaluate((element) => Math.abs(element.getBoundingClientRect().top))).toBeLessThan(200);
  await picture(page, 'reference-operation');
  await upload.getByRole('link', { name: 'FilePage' }).click();
  const schema = page.locator('#schema-FilePage');
  await isShown(schema.getByText('items', { exact: true }));
  await schema.getByRole('link', { name: 'File', exact: true }).click();
  await isShown(page.locator('#schema-File').getByText('sha256', { exact: true }));
  await page.getByRole('navigation', { name: 'Sections' }).getByRole('link', { name: 'Console' }).click();
  await isShown(page.getByRole('heading', { name: 'Log in' }));
  expect(complaints).toEqual([]);
  await context.close();
});

describe.each(screens)('$name', ({ name, viewport, colorScheme }) => {
  test('it keeps nobody out and is not wider than the screen, with everything open', async () => {
    const { page, context, complaints } = await visit(browser, { viewport, colorScheme });
    await page.goto(`${gatehouse.url}/console/api`);
    await isShown(page.getByRole('heading', { name: 'Schemas' }));
    await picture(page, `reference-${name}`);
    await page.goto(`${gatehouse.url}/console/api#post-admin-users`);
    await isShown(page.locator('#post-admin-users').getByText('With curl'));
    await picture(page, `reference-open-${name}`);
    await page.evaluate(() => {
      for (const one of document.querySelectorAll('details')) one.open = true;
    });
    await page.getByText('With curl').last().waitFor();
    expect(await barriers(page)).toEqual([]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
    expect(complaints).toEqual([]);
    await context.close();
  });
});
