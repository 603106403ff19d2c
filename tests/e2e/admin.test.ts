// SPDX-License-Identifier: Apache-2.0
// The administrator's side of the console in a browser, against the real program: every view, in light and dark, on a desk and
// on a phone, and what an administrator does there.
import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { Gatehouse, scratchDirectory } from '../support/gatehouse.js';
import { freePort } from '../support/process.js';
import { crashingUntilMended } from '../support/processors.js';
import { barriers, browser, button, isShown, logIn, picture, screens, useBrowser, visit, type Visitor } from './browser.js';

const scratch = scratchDirectory();
const mended = path.join(scratch, 'mended');
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

// A processor that crashes until it is mended, and a service that is not there.
const gatehouse = new Gatehouse({ config: `${crashingUntilMended(mended)}
gateway:
  routes:
    - {path: /orders, upstreams: ["http://127.0.0.1:${await freePort()}"]}
` });
let admin: Visitor;
let ada = ''; // her token

const letters = async () => (await gatehouse.json('GET', '/admin/dead', await gatehouse.token('root'))).items as any[];

async function enter({ page }: Visitor, name: string, where = '/console/'): Promise<void> {
  await page.goto(gatehouse.url + where);
  await logIn(page, name);
  await isShown(page.getByRole('navigation', { name: 'Sections' }));
}

// What is drawn in the chart of that name, and how large: "600 300 ..."; only "" while there is no chart.
const drawing = (page: Page, name: string) => () =>
  page.getByRole('region', { name }).evaluate((region) => {
    const canvas = region.querySelector('canvas');
    return canvas ? `${canvas.clientWidth} ${canvas.clientHeight} ${canvas.toDataURL()}` : '';
  });

async function open(page: Page, view: string): Promise<void> {
  await page.getByRole('navigation', { name: 'Administration' }).getByRole('link', { name: view }).click();
  await isShown(page.getByRole('heading', { level: 1, name: view }));
}

useBrowser(gatehouse, { root: 'admin', ada: 'user' });
beforeAll(async () => {
  gatehouse.command(['role', 'add', 'editor', '--permission', 'articles:read,articles:write,articles:publish', '--description', 'Writes articles']);
  ada = await gatehouse.token('ada');
  for (const name of ['minutes.txt', 'a rather long name of a file that nobody would type.txt']) {
    const { id } = await gatehouse.upload(ada, name, `of ${name}`);
    expect((await gatehouse.settled(ada, id)).state).toBe('failed');
  }
  await vi.waitUntil(async () => (await letters()).length === 2, { timeout: 15_000, interval: 200 });
  admin = await visit(browser);
}, 150_000);

test('an administrator finds every section, with the state of the installation first', async () => {
  const { page } = admin;
  await enter(admin, 'root');
  await page.getByRole('link', { name: 'Administration' }).click();
  await isShown(page.getByRole('heading', { level: 1, name: 'Status' }));
  await isShown(page.getByText('It works, with something to look at'));
  await isShown(page.getByRole('link', { name: 'Look at 2 dead letters' }));
  await isShown(page.getByText('files.store'));
  for (const view of ['Users', 'Sessions', 'Roles', 'Routes', 'Configuration', 'Audit log', 'Dead letters', 'Status']) await open(page, view);
  const links = page.getByRole('navigation', { name: 'Administration' }).getByRole('link');
  // Mails are read at the gateway that writes them.
  const mails = gatehouse.distributed ? [] : ['Mails'];
  await expect.poll(() => links.allInnerTexts()).toEqual(['Status', 'Users', 'Sessions', 'Roles', 'Routes', 'Configuration', 'Audit log', ...mails, 'Dead letters']);
});

test('the state is asked again by itself, and draws what came in between', { timeout: 60_000 }, async () => {
  const { page } = admin;
  await open(page, 'Status');
  const time = page.getByText(/^As of /);
  const before = await time.innerText();
  await expect.poll(() => time.innerText(), { timeout: 10_000 }).not.toBe(before);
  // Two looks make a first figure.
  await isShown(page.getByRole('region', { name: 'Requests' }).getByText(/^Answered \d+(\.\d+)?\/s$/));
  await isShown(page.getByRole('region', { name: 'Time to answer' }).getByText(/^Half within \d.* m?s$/));
  // Some traffic, so that the picture shows lines.
  const lines = drawing(page, 'Requests');
  for (const requests of [30, 60, 20, 90]) {
    const before = await lines();
    await Promise.all(Array.from({ length: requests }, (_, i) => gatehouse.request('GET', i % 10 === 0 ? '/orders/1' : '/files', { token: ada })));
    await expect.poll(lines, { timeout: 10_000 }).not.toBe(before);
  }
  await picture(page, 'admin-status-traffic');
});

test('the audit log is filtered by type and by who it was', async () => {
  const { page } = admin;
  await open(page, 'Audit log');
  const records = page.getByRole('list', { name: 'Records' }).getByRole('listitem');
  await isShown(records);
  const all = await records.count();
  await page.getByLabel('Type').fill('login.accepted');
  await page.getByLabel('Who', { exact: true }).fill('ada');
  await button(page, 'Search').click();
  await expect.poll(() => records.count()).toBeLessThan(all);
  for (const text of await records.allInnerTexts()) {
    expect(text).toContain('login.accepted');
    expect(text).toContain('ada');
  }
  await records.first().locator('summary').click();
  await isShown(records.first().getByText('Hash'));

  await page.getByLabel('Type').fill('nothing.such');
  await page.keyboard.press('Enter');
  await isShown(page.getByText('Nothing matches these filters.'));
  await button(page, 'Clear').click();
  await isShown(records);
});

test('the log comes in pages', async () => {
  const { page } = admin;
  const token = await gatehouse.token('root');
  for (let i = 0; i < 30; i++) {
    await gatehouse.json('POST', '/admin/roles', token, { name: 'passing', permissions: ['passing:by'] });
    await gatehouse.json('DELETE', '/admin/roles/passing', token);
  }
  await open(page, 'Status');
  await open(page, 'Audit log');
  const records = page.getByRole('list', { name: 'Records' }).getByRole('listitem');
  await expect.poll(() => records.count()).toBe(50);
  await button(page, 'Load more').click();
  await expect.poll(() => records.count()).toBeGreaterThan(50);
});

test("another user's session is ended while their page is open, and they are sent to the login", async () => {
  const theirs = await visit(browser);
  await enter(theirs, 'ada');
  await isShown(theirs.page.getByText('minutes.txt'));

  const { page } = admin;
  await open(page, 'Sessions');
  await page.getByLabel('User').fill('nobody at all');
  await button(page, 'Show sessions').click();
  await isShown(page.getByText('There is no user with this name.'));
  await page.getByLabel('User').fill('ada');
  await button(page, 'Show sessions').click();
  const list = page.getByRole('list', { name: 'Sessions of ada' });
  await list.getByRole('button', { name: 'End the session of Chrome on Linux' }).click();
  await isShown(page.getByText('Session ended'));
  await expect.poll(() => list.getByText('Chrome on Linux').count()).toBe(0);

  // They touch nothing: the page finds out by itself, as its stream of events is cut.
  await theirs.page.getByRole('heading', { name: 'Log in' }).waitFor({ timeout: 25_000 });
  expect(theirs.complaints.every((text) => /status of 401|ERR_INCOMPLETE_CHUNKED_ENCODING/.test(text)), theirs.complaints.join('\n')).toBe(true);
  await theirs.context.close();

  await button(page, 'End all').click();
  await page.getByRole('dialog').getByRole('button', { name: 'End all' }).click();
  await isShown(page.getByText('ada is logged in nowhere'));
});

test('a role is added, changed and removed', async () => {
  const { page } = admin;
  await open(page, 'Roles');
  await isShown(page.getByRole('listitem', { name: 'admin', exact: true }).getByText('Built in'));
  expect(await button(page, 'Change admin').count()).toBe(0);

  await button(page, 'Add role').click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Name').fill('clerk');
  await dialog.getByLabel('Permissions').fill('orders:read, orders:list\norders:read');
  await picture(page, 'admin-role-add');
  await dialog.getByRole('button', { name: 'Create role' }).click();
  const clerk = page.getByRole('listitem', { name: 'clerk', exact: true });
  await isShown(clerk.getByText('orders:list'));
  expect(await clerk.getByText('orders:read').count()).toBe(1);

  await button(page, 'Change clerk').click();
  await dialog.getByLabel('Description').fill('Looks at orders');
  await dialog.getByLabel('Permissions').fill('orders:*');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await isShown(clerk.getByText('Looks at orders'));
  expect((await gatehouse.json('GET', '/admin/roles/clerk', await gatehouse.token('root'))).permissions).toEqual(['orders:*']);

  await button(page, 'Remove clerk').click();
  await isShown(dialog.getByText('Remove this role?'));
  await dialog.getByRole('button', { name: 'Remove' }).click();
  await clerk.waitFor({ state: 'detached' });
});

test('a user gets another role, and may do what it permits from the next request on', async () => {
  const { page } = admin;
  await open(page, 'Users');
  await button(page, 'Roles of ada').click();
  const dialog = page.getByRole('dialog', { name: 'Roles of ada' });
  await dialog.getByLabel('editor').check();
  await picture(page, 'admin-user-roles');
  expect(await barriers(page)).toEqual([]);
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.waitFor({ state: 'detached' });
  await isShown(page.getByRole('listitem', { name: 'ada' }).getByText('editor'));
  const profile = await gatehouse.json('GET', '/profile', await gatehouse.token('ada'));
  expect(profile.roles).toEqual(['editor', 'user']);
  expect(profile.permissions).toContain('articles:write');
});

test('what would be done with a request is told step by step', async () => {
  const { page } = admin;
  await open(page, 'Routes');
  const routes = page.getByRole('list', { name: 'Your routes' }).getByRole('listitem');
  await expect.poll(() => routes.count()).toBe(1);
  await page.getByLabel("Gatehouse's own too").check();
  await expect.poll(() => routes.count()).toBeGreaterThan(20);
  await page.getByLabel("Gatehouse's own too").uncheck();
  const result = page.getByRole('region', { name: 'What would be done' });
  await page.getByLabel('Path or address').fill('/orders/7');
  await button(page, 'Explain').click();
  await isShown(result.getByText('It goes to /orders:'));
  await page.getByLabel('With the token of').selectOption('Nobody');
  await button(page, 'Explain').click();
  await isShown(result.getByText('401'));
  await isShown(result.getByText('Refused'));
});

test('what is wrong with a role is said where it is wrong', async () => {
  const { page } = admin;
  admin.complaints.length = 0;
  await open(page, 'Roles');
  await button(page, 'Add role').click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Name').fill('clerk');
  await dialog.getByLabel('Permissions').fill('orders:read\nNot A Permission');
  await dialog.getByRole('button', { name: 'Create role' }).click();
  await isShown(dialog.getByRole('alert').getByText(/^Not: /));
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  // The browser writes down the refusal itself.
  expect(admin.complaints.every((text) => text.includes('status of 422'))).toBe(true);
  admin.complaints.length = 0;
});

describe.each(screens)('$name', ({ name, viewport, colorScheme }) => {
  test('no view keeps anybody out, is wider than the screen, or breaks a policy', async () => {
    const visitor = await visit(browser, { viewport, colorScheme });
    const { page } = visitor;
    const look = async (view: string) => {
      // The list of files has a stream, which stays open.
      if (view !== 'files') await page.waitForLoadState('networkidle');
      await picture(page, `admin-${view}-${name}`);
      expect(await barriers(page), view).toEqual([]);
      expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth), `${view} is too wide`).toBeLessThanOrEqual(0);
    };

    await page.goto(`${gatehouse.url}/console/`);
    await isShown(button(page, 'Log in'));
    await look('login');
    await enter(visitor, 'root');
    await isShown(page.getByText('Nothing here yet'));
    await look('files');
    await page.getByRole('link', { name: 'Profile' }).click();
    await isShown(page.getByText('This one'));
    await look('profile');
    await page.getByRole('link', { name: 'Administration' }).click();
    await isShown(page.getByText('It works, with something to look at'));
    await look('status');
    await open(page, 'Users');
    await isShown(page.getByRole('listitem', { name: 'ada' }));
    await look('users');
    await button(page, 'Roles of ada').click();
    await isShown(page.getByLabel('editor'));
    await look('user-roles');
    await page.keyboard.press('Escape');
    await open(page, 'Sessions');
    await isShown(page.getByText('Whose sessions?'));
    await look('sessions-empty');
    await page.getByLabel('User').fill('root');
    await button(page, 'Show sessions').click();
    await isShown(page.getByText('This one'));
    await look('sessions');
    await open(page, 'Roles');
    await isShown(page.getByRole('listitem', { name: 'editor' }));
    await look('roles');
    await button(page, 'Change editor').click();
    await isShown(page.getByRole('dialog'));
    await look('role-change');
    await page.keyboard.press('Escape');
    await open(page, 'Routes');
    await page.getByLabel('Path or address').fill('/orders/7');
    await button(page, 'Explain').click();
    await isShown(page.getByRole('region', { name: 'What would be done' }));
    await look('routes');
    await open(page, 'Configuration');
    await page.getByLabel('Find a setting').fill('rate_limit');
    await isShown(page.getByText('gateway.rate_limit.requests'));
    await look('configuration');
    await open(page, 'Audit log');
    const records = page.getByRole('list', { name: 'Records' }).getByRole('listitem');
    await records.first().locator('summary').click();
    await look('audit');
    await open(page, 'Dead letters');
    await isShown(page.getByRole('list', { name: 'Dead letters' }).getByRole('listitem'));
    await look('dead');
    await button(page, /^Drop worker:/).first().click();
    await isShown(page.getByRole('dialog'));
    await look('dead-drop');
    await page.keyboard.press('Escape');
    expect(visitor.complaints).toEqual([]);
    await visitor.context.close();
  });
});

test('a dead letter is looked at, retried after the repair, and another one dropped after a question', async () => {
  const { page } = admin;
  await open(page, 'Dead letters');
  const list = page.getByRole('list', { name: 'Dead letters' }).getByRole('listitem');
  await expect.poll(() => list.count()).toBe(2);
  expect(await list.first().innerText()).toContain('crashed');
  await button(page, /^Show event/).first().click();
  await isShown(page.getByRole('dialog').getByText('"specversion": "1.0"'));
  await page.keyboard.press('Escape');

  writeFileSync(mended, 'yes');
  const [first] = await letters();
  await button(page, `Retry ${first.id}`).click();
  await expect.poll(() => list.count()).toBe(1);
  const token = await gatehouse.token('ada');
  await expect.poll(async () => (await gatehouse.json('GET', `/files/${first.subject}`, token)).state, { timeout: 15_000 }).toBe('processed');

  await button(page, /^Drop worker:/).click();
  await page.getByRole('dialog', { name: 'Drop this event?' }).getByRole('button', { name: 'Drop' }).click();
  await isShown(page.getByText('No dead letters'));
  await picture(page, 'admin-dead-empty');
  expect(await letters()).toEqual([]);
});

test('who has one permission sees one section, and no other by its address', async () => {
  gatehouse.command(['role', 'add', 'auditor', '--permission', 'admin:audit']);
  gatehouse.addUser('eve', 'auditor');
  const eve = await visit(browser);
  await enter(eve, 'eve', '/console/audit');
  await isShown(eve.page.getByRole('list', { name: 'Records' }));
  expect(await eve.page.getByRole('navigation', { name: 'Administration' }).getByRole('link').allInnerTexts()).toEqual(['Audit log']);
  await eve.page.goto(`${gatehouse.url}/console/dead-letters`);
  await isShown(eve.page.getByText('Only administrators see this page.'));
  expect(eve.complaints).toEqual([]);
  await eve.context.close();
});

test('in all of this the page broke no policy and met no error', () => {
  expect(admin.complaints).toEqual([]);
});
