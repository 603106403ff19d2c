// SPDX-License-Identifier: Apache-2.0
// The charts of the console: what they show and say, where they fit, and whom they do not stop.
import type { Locator, Page } from 'playwright-core';
import { beforeAll, expect, test } from 'vitest';
import { Gatehouse } from '../support/gatehouse.js';
import { barriers, browser, isShown, logIn, picture, screens, useBrowser, visit, type Visitor } from './browser.js';

const charts = ['Requests', 'Time to answer', 'Queues', 'Disk'];

// Free of servers: the disk is that of embedded stores.
const gatehouse = new Gatehouse({ distributed: false });
let ada = ''; // her token

useBrowser(gatehouse, { root: 'admin', ada: 'user' });
beforeAll(async () => {
  ada = await gatehouse.token('ada');
});

async function enter(options: Parameters<typeof visit>[1] = {}, prepare: (page: Page) => Promise<void> = async () => {}): Promise<Visitor> {
  const visitor = await visit(browser, options);
  await prepare(visitor.page);
  await visitor.page.goto(`${gatehouse.url}/console/status`);
  await logIn(visitor.page, 'root');
  await isShown(visitor.page.getByRole('region', { name: 'Requests' }));
  return visitor;
}

const chart = (page: Page, name: string): Locator => page.getByRole('region', { name });

// Every chart has its lines: three looks, for the traffic two counts to begin with.
async function drawn(page: Page): Promise<void> {
  for (const name of charts) await chart(page, name).locator('canvas').waitFor({ timeout: 30_000 });
}

const requests = (count: number) => Promise.all(Array.from({ length: count }, () => gatehouse.request('GET', '/files', { token: ada })));

// The different colours of a chart's picture, "#rrggbb", with how many pixels have each.
const colours = (of: Locator): Promise<Map<string, number>> =>
  of
    .locator('canvas')
    .evaluate((canvas) => {
      const { width, height } = canvas as HTMLCanvasElement;
      const { data } = (canvas as HTMLCanvasElement).getContext('2d')!.getImageData(0, 0, width, height);
      const found: Record<string, number> = {};
      for (let i = 0; i < data.length; i += 4) {
        if (data[i + 3] !== 255) continue;
        const name = `#${[data[i], data[i + 1], data[i + 2]].map((part) => part!.toString(16).padStart(2, '0')).join('')}`;
        found[name] = (found[name] ?? 0) + 1;
      }
      return Object.entries(found);
    })
    .then((entries) => new Map(entries));

const variable = (page: Page, name: string) => page.evaluate((name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim(), name);

test('four charts draw traffic, times, queues and the disk, and say it in words', { timeout: 90_000 }, async () => {
  const { page, context, complaints } = await enter();
  await requests(40);
  await drawn(page);
  await isShown(chart(page, 'Requests').getByText(/^Answered \d+(\.\d+)?\/s$/));
  await isShown(chart(page, 'Time to answer').getByText(/^95 % within \d.* m?s$/));
  await isShown(chart(page, 'Queues').getByText(/^worker \d+$/));
  await isShown(chart(page, 'Disk').getByText(/^Used [\d.]+ [KMGT]B$/));

  // For who does not see lines, and as text of the page, not of a picture.
  const time = /From \d+:\d+:\d+ [AP]M to \d+:\d+:\d+ [AP]M\. /;
  const said = async (name: string) => (await chart(page, name).textContent())!.replaceAll('\u202f', ' ');
  for (const [name, words] of [['Requests', /Answered: .*\/s; Failed \(5xx\): 0\/s/], ['Time to answer', /Half within: .* m?s; 95 % within: .* m?s/], ['Queues', /worker: \d+.*; notifier: \d+/], ['Disk', /Used: [\d.]+ [KMGT]B/]] as const)
    expect(await said(name)).toMatch(new RegExp(time.source + words.source));
  expect(await page.locator('canvas').evaluateAll((all) => all.map((canvas) => canvas.closest('[aria-hidden=true]') !== null))).toEqual([true, true, true, true]);
  expect(await barriers(page)).toEqual([]);
  expect(complaints).toEqual([]);
  await context.close();
});

test('the time that is pointed at is told, and then the newest again', { timeout: 90_000 }, async () => {
  const { page, context } = await enter();
  await drawn(page);
  // No look any more: the newest stays the newest.
  await page.route('**/admin/status', (route) => route.abort());
  await isShown(page.getByText('Gatehouse does not answer'));
  const region = chart(page, 'Disk');
  const told = async () => (await region.innerText()).match(/\d+:\d+:\d+\s[AP]M/)![0];
  const newest = await told();
  await region.locator('canvas').hover({ position: { x: 60, y: 40 }, force: true });
  await expect.poll(told).not.toBe(newest);
  await isShown(region.getByText(/^Used [\d.]+ [KMGT]B$/));
  await page.mouse.move(1, 1);
  await expect.poll(told).toBe(newest);
  await context.close();
});

test('the keyboard passes charts by', { timeout: 90_000 }, async () => {
  const { page, context } = await enter();
  await drawn(page);
  const visited = new Set<string>();
  await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
  for (let i = 0; i < 40; i++) {
    await page.keyboard.press('Tab');
    const at = await page.evaluate(() => {
      const element = document.activeElement;
      if (element === null || element === document.body) return '';
      return element.closest('canvas, .uplot') ? 'chart' : element.textContent!.trim();
    });
    expect(at).not.toBe('chart');
    visited.add(at);
  }
  // Around the whole page: to what stands below the charts.
  expect([...visited]).toContain('API reference');
  await context.close();
});

test('colours follow the page from light to dark, and back', { timeout: 90_000 }, async () => {
  const { page, context } = await enter({ colorScheme: 'light' });
  await drawn(page);
  const seen: string[] = [];
  for (const colorScheme of ['light', 'dark', 'light'] as const) {
    await page.emulateMedia({ colorScheme });
    const accent = await variable(page, '--accent');
    seen.push(accent);
    for (const name of charts) await expect.poll(async () => (await colours(chart(page, name))).get(accent) ?? 0, { message: `${name} ${colorScheme}` }).toBeGreaterThan(50);
  }
  expect(new Set(seen).size).toBe(2);
  await context.close();
});

test('charts are as wide as there is room, from desk to phone and back', { timeout: 90_000 }, async () => {
  const { page, context, complaints } = await enter();
  await drawn(page);
  const widths = () => page.locator('.uplot').evaluateAll((all) => all.map((plot) => [plot.clientWidth, plot.parentElement!.clientWidth]));
  for (const viewport of [{ width: 390, height: 844 }, { width: 320, height: 568 }, { width: 1280, height: 800 }]) {
    await page.setViewportSize(viewport);
    await expect.poll(async () => (await widths()).every(([plot, room]) => plot === room && plot! < viewport.width)).toBe(true);
    expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${viewport.width}`).toBe(true);
  }
  expect(complaints).toEqual([]);
  await context.close();
});

test('nothing moves when the lines come', { timeout: 90_000 }, async () => {
  const { page, context } = await enter({}, async (page) => {
    await page.addInitScript(() => {
      (window as any).shifts = [];
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries() as any[]) if (!entry.hadRecentInput) (window as any).shifts.push(...entry.sources.map((source: any) => source.node?.nodeName ?? ''));
      }).observe({ type: 'layout-shift', buffered: true });
    });
  });
  const heights = () => page.getByRole('region').evaluateAll((all) => all.map((region) => region.getBoundingClientRect().height));
  const before = await heights();
  await page.evaluate(() => ((window as any).shifts = []));
  await drawn(page);
  expect(await heights()).toEqual(before);
  expect(await page.evaluate(() => (window as any).shifts)).toEqual([]);
  await context.close();
});

test('figures stay when the library for the lines does not come', { timeout: 90_000 }, async () => {
  const { page, context } = await enter({}, async (page) => page.route(/\/assets\/plot-.*\.js$/, (route) => route.abort()));
  await isShown(chart(page, 'Requests').getByText('The chart could not be loaded.'));
  await isShown(chart(page, 'Disk').getByText(/^Used [\d.]+ [KMGT]B$/));
  await context.close();
});

test('the licences of what is in the page are beside it', async () => {
  const page = await (await fetch(`${gatehouse.url}/console/`)).text();
  const [, href] = page.match(/<link rel="license" [^>]*href="([^"]+)">/)!;
  const answer = await fetch(gatehouse.url + href);
  expect(answer.status).toBe(200);
  expect(answer.headers.get('content-type')).toBe('text/plain; charset=utf-8');
  const text = await answer.text();
  for (const name of ['svelte', 'tus-js-client', 'uplot', 'uqr']) expect(text).toMatch(new RegExp(`^${name} \\d+\\.\\d+\\.\\d+\\n\\n[^]*?Copyright`, 'mi'));
});

test.each(screens)('they fit $name', { timeout: 90_000 }, async ({ name, ...options }) => {
  const { page, context, complaints } = await enter(options);
  await requests(60);
  await drawn(page);
  expect(await barriers(page)).toEqual([]);
  await page.setViewportSize({ width: options.viewport.width, height: 1800 });
  await picture(page, `charts-${name}`);
  expect(complaints).toEqual([]);
  await context.close();
});
