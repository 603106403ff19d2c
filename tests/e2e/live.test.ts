// SPDX-License-Identifier: Apache-2.0
// What a page learns of its files without asking: by the stream of events, and by asking where there is none.
import type { Page } from 'playwright-core';
import { beforeAll, expect, test } from 'vitest';
import { Gatehouse } from '../support/gatehouse.js';
import { browser, fileRow, isShown, logIn, useBrowser, visit, type Visitor } from './browser.js';

const gatehouse = new Gatehouse();
let token = '';

useBrowser(gatehouse, { root: 'admin', ada: 'user' });
beforeAll(async () => {
  token = await gatehouse.token('ada');
});

const pathOf = (url: string) => new URL(url).pathname;

async function enter(prepare: (page: Page) => Promise<void> = async () => {}): Promise<Visitor> {
  const visitor = await visit(browser);
  await prepare(visitor.page);
  await visitor.page.goto(`${gatehouse.url}/console/`);
  await logIn(visitor.page, 'ada');
  await isShown(visitor.page.getByRole('navigation', { name: 'Sections' }));
  return visitor;
}

// Uploads from elsewhere, as a script would.
async function upload(name: string): Promise<string> {
  const answer = await gatehouse.request('POST', `/upload?name=${name}`, { token, body: `content of ${name}`, headers: { 'content-type': 'text/plain' } });
  expect(answer.status).toBe(201);
  return ((await answer.json()) as { items: { id: string }[] }).items[0]!.id;
}

const remove = async (id: string) => expect((await gatehouse.request('DELETE', `/files/${id}`, { token })).status).toBe(204);

test('what changes elsewhere is seen without asking', async () => {
  const kept = await upload('kept.txt');
  const streams = new Set<string>();
  let lists = 0;
  const { page, context, complaints } = await enter(async (page) => {
    page.on('response', (response) => void (pathOf(response.url()) === '/events' && streams.add(`${response.status()}`)));
    page.on('requestfinished', (request) => void (pathOf(request.url()) === '/files' && (lists += 1)));
  });
  await isShown(fileRow(page, 'kept.txt'));
  // The list itself, and once more when the stream is there.
  await expect.poll(() => lists).toBe(2);
  expect([...streams]).toEqual(['200']);

  const asked: string[] = [];
  page.on('request', (request) => void asked.push(pathOf(request.url())));
  const id = await upload('elsewhere.txt');
  await page.locator('li[data-state=processed]', { hasText: 'elsewhere.txt' }).waitFor();
  await remove(id);
  await fileRow(page, 'elsewhere.txt').waitFor({ state: 'detached' });
  await isShown(fileRow(page, 'kept.txt'));
  // How much is stored is another question.
  expect(asked.filter((path) => path !== '/profile' && path !== '/files/usage')).toEqual([]);
  expect(complaints).toEqual([]);
  await remove(kept);
  await context.close();
});

test('how far the processing is, is shown as it is told', async () => {
  const record = { id: '01900000-0000-7000-8000-000000000000', owner: '', name: 'long.mp4', type: 'video/mp4', size: 1, sha256: '', created_at: new Date().toISOString(), state: 'processing', derived: [] };
  const told = (progress: number) => `event: file\nid: 1-${progress}\ndata: ${JSON.stringify({ ...record, progress })}\n\n`;
  let progress = 20;
  const { page, context } = await enter(async (page) => {
    await page.route('**/files?*', (route) => route.fulfill({ json: { items: [{ ...record, progress }], next: null } }));
    await page.route('**/events', (route) => route.fulfill({ contentType: 'text/event-stream', body: told((progress += 20)) }));
  });
  await isShown(page.getByText('Processing, 40 %'));
  await isShown(page.getByText('Processing, 60 %')); // the stream has ended, and is opened again
  await context.close();
});

test('where streams are refused, the list asks by itself', async () => {
  let refused = 0;
  const { page, context } = await enter((page) =>
    page.route('**/events', (route) => {
      refused += 1;
      return route.fulfill({ status: 429, contentType: 'application/problem+json', body: '{"code":"too_many_streams","title":"Too many streams","status":429}' });
    }),
  );
  await expect.poll(() => refused).toBe(1);
  await page.locator('input[type=file]').setInputFiles({ name: 'asked.txt', mimeType: 'text/plain', buffer: Buffer.from('asked') });
  await page.locator('li[data-state=processed]', { hasText: 'asked.txt' }).waitFor();
  expect(refused).toBe(1);
  await context.close();
});

test('a page that nobody sees lets the stream go, and one that is seen again has missed nothing', async () => {
  const { page, context, complaints } = await enter();
  const stream = page.waitForEvent('requestfailed', (request) => pathOf(request.url()) === '/events');
  await isShown(page.getByRole('heading', { name: 'Files' }));
  // A headless browser shows all its pages: what they read of it is set.
  const show = (state: 'hidden' | 'visible') =>
    page.evaluate((value) => {
      Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => value });
      document.dispatchEvent(new Event('visibilitychange'));
    }, state);
  await show('hidden');
  await stream;
  await upload('unseen.txt');
  expect(await fileRow(page, 'unseen.txt').count()).toBe(0);
  await show('visible');
  await isShown(fileRow(page, 'unseen.txt'));
  expect(complaints).toEqual([]);
  await context.close();
});

test('a session that is ended elsewhere leads to the login at once', async () => {
  const opened = { stream: false };
  const { page, context } = await enter(async (page) => {
    page.on('response', (response) => void (pathOf(response.url()) === '/events' && (opened.stream = true)));
  });
  await expect.poll(() => opened.stream).toBe(true);
  const root = await gatehouse.token('root');
  const { id } = (await (await gatehouse.request('GET', '/profile', { token })).json()) as { id: string };
  expect((await gatehouse.request('DELETE', `/admin/sessions?user=${id}`, { token: root })).status).toBe(204);
  // A page that only looked now and then would take 15 seconds.
  await page.getByRole('heading', { name: 'Log in' }).waitFor({ timeout: 8000 });
  await context.close();
});
