// SPDX-License-Identifier: Apache-2.0
// An administrator reads the mails that are kept for want of a mail server.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { Gatehouse, password } from '../support/gatehouse.js';
import { barriers, browser, button, isShown, logIn, picture, screens, useBrowser, visit, type Visitor } from './browser.js';

const gatehouse = new Gatehouse({ distributed: false });

useBrowser(gatehouse, { root: 'admin', ada: 'user' });

async function enter(visitor: Visitor, name: string, url = gatehouse.url): Promise<void> {
  await visitor.page.goto(`${url}/console/`);
  await logIn(visitor.page, name);
  await isShown(visitor.page.getByRole('navigation', { name: 'Sections' }));
}

const administration = (visitor: Visitor) => visitor.page.getByRole('navigation', { name: 'Administration' });

test('an invitation is read, and its link leads to where a password is set', async () => {
  const visitor = await visit(browser);
  const { page, context, complaints } = visitor;
  await enter(visitor, 'root');
  await page.getByRole('link', { name: 'Administration' }).click();
  await administration(visitor).getByRole('link', { name: 'Mails' }).click();
  await isShown(page.getByText('No mails yet'));

  await administration(visitor).getByRole('link', { name: 'Users' }).click();
  await button(page, 'Add user').click();
  await page.getByLabel('Username').fill('grace');
  await page.getByLabel('E-mail').fill('grace@example.com');
  await button(page, 'Create user').click();
  await isShown(page.getByRole('listitem', { name: 'grace' }));
  await administration(visitor).getByRole('link', { name: 'Mails' }).click();
  const row = page.getByRole('list', { name: 'Mails' }).getByRole('button');
  await expect.poll(async () => ((await row.count()) === 0 ? (await button(page, 'Reload').click(), 0) : row.count()), { timeout: 15_000, interval: 300 }).toBe(1);
  await row.focus();
  await page.keyboard.press('Enter');

  const dialog = page.getByRole('dialog');
  await isShown(dialog.getByText('grace@example.com'));
  const link = dialog.getByRole('link', { name: /accept-invitation#/ });
  expect(await link.getAttribute('rel')).toBe('noopener noreferrer');
  const [opened] = await Promise.all([context.waitForEvent('page'), link.click()]);
  await opened.getByLabel('New password', { exact: true }).fill(password);
  await button(opened, 'Set password').click();
  await isShown(opened.getByText('The password is set'));
  expect(await opened.evaluate(() => window.opener)).toBeNull();
  await opened.close();

  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  expect(await row.evaluate((element) => element === document.activeElement)).toBe(true);
  expect(complaints).toEqual([]);
  await context.close();
});

test('what looks like a page in a mail stays text', async () => {
  const id = '0190163d-8694-739b-aea5-966c26f8ad91';
  const html = '<img src=x onerror=alert(1)><a href="javascript:alert(1)">x</a>';
  writeFileSync(path.join(gatehouse.data, 'mail', `${id}.eml`), `From: a@example.org\r\nTo: ${html}\r\nSubject: <b>bold</b> ${'long '.repeat(40)}\r\nContent-Type: text/html\r\n\r\n${html}\r\n${'unbroken'.repeat(60)}\r\n`);
  const visitor = await visit(browser);
  const { page, context, complaints } = visitor;
  await enter(visitor, 'root');
  await page.goto(`${gatehouse.url}/console/mails`);
  await page.getByText('<b>bold</b>').click();
  const dialog = page.getByRole('dialog');
  await isShown(dialog.getByRole('region').getByText(html));
  expect(await dialog.locator('img, a').count()).toBe(0);
  expect(complaints).toEqual([]);
  await context.close();
});

test('who may not do everything does not see them', async () => {
  gatehouse.command(['role', 'add', 'helper', '--permission', 'admin:status,admin:users,files:read,files:write']);
  gatehouse.addUser('hal', 'helper');
  const visitor = await visit(browser);
  const { page, context, complaints } = visitor;
  await enter(visitor, 'hal');
  await page.getByRole('link', { name: 'Administration' }).click();
  await isShown(administration(visitor).getByRole('link', { name: 'Users' }));
  await isShown(page.getByText('Everything works'));
  expect(await administration(visitor).getByRole('link', { name: 'Mails' }).count()).toBe(0);
  await page.goto(`${gatehouse.url}/console/mails`);
  await isShown(page.getByText('Only administrators see this page.'));
  expect(complaints).toEqual([]);
  await context.close();
});

test('where mails are sent, there is no way to them', async () => {
  const sending = await new Gatehouse({ distributed: false, config: 'notifier: {smtp: {url: "smtp://127.0.0.1:1", starttls: false}}\n' }).start();
  try {
    sending.addUser('root', 'admin');
    const visitor = await visit(browser);
    const asked = visitor.page.waitForResponse((response) => response.url().endsWith('/admin/status'));
    await enter(visitor, 'root', sending.url);
    await visitor.page.getByRole('link', { name: 'Administration' }).click();
    await asked;
    await isShown(administration(visitor).getByRole('link', { name: 'Dead letters' }));
    expect(await administration(visitor).getByRole('link', { name: 'Mails' }).count()).toBe(0);
    expect(visitor.complaints).toEqual([]);
    await visitor.context.close();
  } finally {
    await sending.stop();
  }
});

describe.each(screens)('$name', ({ name, viewport, colorScheme }) => {
  test('mails keep nobody out and are not wider than the screen', async () => {
    const visitor = await visit(browser, { viewport, colorScheme });
    const { page, context, complaints } = visitor;
    await enter(visitor, 'root');
    await page.getByRole('link', { name: 'Administration' }).click();
    await administration(visitor).getByRole('link', { name: 'Mails' }).click();
    const rows = page.getByRole('list', { name: 'Mails' }).getByRole('button');
    await isShown(rows);
    const look = async (view: string) => {
      await picture(page, `${view}-${name}`);
      expect(await barriers(page), view).toEqual([]);
      expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth), view).toBeLessThanOrEqual(0);
    };
    await look('mails');
    await rows.last().click();
    await isShown(page.getByRole('dialog').getByRole('link'));
    await look('mail');
    expect(complaints).toEqual([]);
    await context.close();
  });
});
