// SPDX-License-Identifier: Apache-2.0
// Debian's Chromium, and a page that keeps what went wrong in it.
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { chromium, type Browser, type BrowserContext, type BrowserContextOptions, type Locator, type Page } from 'playwright-core';
import { afterAll, beforeAll } from 'vitest';
import { distributed, password, root, type Gatehouse } from '../support/gatehouse.js';

const artifacts = path.join(root, 'tests/artifacts', distributed ? 'distributed' : 'embedded');

function launch(): Promise<Browser> {
  mkdirSync(artifacts, { recursive: true });
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--no-first-run',
    ],
  });
}

export let browser: Browser; // of useBrowser(), from its first hook to its last

// Starts an installation, with users and their roles, and a browser before the tests of a file, and ends both after them.
export function useBrowser(gatehouse: Gatehouse, users: Record<string, 'admin' | 'user'> = {}): void {
  beforeAll(async () => {
    await gatehouse.start();
    for (const [name, role] of Object.entries(users)) gatehouse.addUser(name, role);
    browser = await launch();
  });
  afterAll(async () => {
    await browser?.close();
    await gatehouse.stop();
  });
}

export interface Visitor {
  context: BrowserContext;
  page: Page;
  // Console errors, uncaught exceptions and violations of the Content-Security-Policy so far.
  complaints: string[];
}

export async function visit(browser: Browser, options: BrowserContextOptions = {}): Promise<Visitor> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: 'en-US', ...options });
  const complaints: string[] = [];
  await context.exposeFunction('reportViolation', (text: string) => complaints.push(text));
  await context.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => {
      const text = `policy: ${event.effectiveDirective} ${event.blockedURI} ${event.sample}`;
      (window as unknown as { reportViolation: (text: string) => void }).reportViolation(text);
    });
  });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => complaints.push(`exception: ${error.message}`));
  return { context, page, complaints };
}

export const button = (page: Page, name: string | RegExp): Locator => page.getByRole('button', { name });
export const fileRow = (page: Page, name: string): Locator => page.getByRole('listitem', { name, exact: true });

export async function isShown(locator: Locator): Promise<void> {
  await locator.first().waitFor({ state: 'visible' });
}

// In the form for it, which the page shows.
export async function logIn(page: Page, name: string): Promise<void> {
  await page.getByLabel('Username or e-mail').fill(name);
  await page.getByLabel('Password', { exact: true }).fill(password);
  await button(page, 'Log in').click();
}

// Until what moves has come to rest; what never does is not waited for.
async function rest(page: Page): Promise<void> {
  await page.evaluate(() => {
    const ending = document.getAnimations().filter((animation) => animation.effect?.getComputedTiming().endTime !== Infinity);
    return Promise.all(ending.map((animation) => animation.finished.catch(() => undefined)));
  });
}

// What every view is looked at on.
export const screens = [
  { name: 'desktop', viewport: { width: 1280, height: 800 }, colorScheme: 'light' as const },
  { name: 'desktop-dark', viewport: { width: 1280, height: 800 }, colorScheme: 'dark' as const },
  { name: 'phone', viewport: { width: 390, height: 844 }, colorScheme: 'light' as const },
  { name: 'phone-dark', viewport: { width: 390, height: 844 }, colorScheme: 'dark' as const },
];

export async function picture(page: Page, name: string): Promise<void> {
  await rest(page);
  await page.screenshot({ path: path.join(artifacts, `${name}.png`) });
}

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

// What axe-core finds in the page as it is, of what keeps people out: "color-contrast (serious): .name".
export async function barriers(page: Page): Promise<string[]> {
  // A text that is half transparent yet has no contrast.
  await rest(page);
  await page.evaluate(axe);
  return page.evaluate(async () => {
    const found = await (window as any).axe.run(document, { resultTypes: ['violations'] });
    return found.violations
      .filter((violation: any) => violation.impact === 'serious' || violation.impact === 'critical')
      .flatMap((violation: any) => violation.nodes.map((node: any) => `${violation.id} (${violation.impact}): ${node.target.join(' ')}`));
  });
}

// What a script in the page could get hold of.
export function readableByScripts(page: Page): Promise<{ cookie: string; local: number; session: number }> {
  return page.evaluate(() => ({
    cookie: document.cookie,
    local: localStorage.length,
    session: sessionStorage.length,
  }));
}
