// SPDX-License-Identifier: Apache-2.0
// A whole visit without a mouse: everything is reached by Tab, the focus can be seen wherever it is, and it is never lost.
import { readFileSync } from 'node:fs';
import type { Locator, Page } from 'playwright-core';
import { beforeAll, expect, test } from 'vitest';
import { Gatehouse, password } from '../support/gatehouse.js';
import { videoWithSound } from '../support/media.js';
import { browser, button, fileRow, isShown, picture, useBrowser, visit, type Visitor } from './browser.js';

const gatehouse = new Gatehouse();
let visitor: Visitor;

useBrowser(gatehouse, { ada: 'user' });
beforeAll(async () => {
  visitor = await visit(browser, { permissions: ['clipboard-read', 'clipboard-write'] });
  // The browser is told for good that choosers are handled: telling it only then would race with the key.
  visitor.page.on('filechooser', () => {});
  // Whoever clicks fails.
  await visitor.page.addInitScript(() => addEventListener('mousedown', () => console.error('a mouse was used'), true));
});

// Where the focus is, and whether one sees it: an outline of two pixels that stands out from what is around.
function focus(page: Page): Promise<{ what: string; seen: boolean }> {
  return page.evaluate(() => {
    const element = document.activeElement as HTMLElement;
    const style = getComputedStyle(element);
    const what = `${element.tagName.toLowerCase()} ${element.getAttribute('aria-label') ?? element.textContent?.trim().slice(0, 40) ?? ''}`;
    const box = element.getBoundingClientRect();
    const outlined = style.outlineStyle !== 'none' && Number.parseFloat(style.outlineWidth) >= 2 && !/, 0\)$/.test(style.outlineColor);
    return { what, seen: element.matches(':focus-visible') && outlined && box.width > 0 && box.height > 0 };
  });
}

// The page itself holds the focus after a change of view, until the next Tab; a player draws its own.
const exempt = /^(body|main|video|audio) /;

const isFocused = (locator: Locator) => locator.evaluate((element) => element === document.activeElement);

async function tabTo(page: Page, target: Locator, key: 'Tab' | 'Shift+Tab' = 'Tab'): Promise<void> {
  await target.waitFor();
  const way: string[] = [];
  for (let i = 0; i < 60; i++) {
    await page.keyboard.press(key);
    const { what, seen } = await focus(page);
    way.push(what);
    if (!exempt.test(what)) expect(seen, `the focus on "${what}" is not seen`).toBe(true);
    if (await isFocused(target)) return;
  }
  throw new Error(`not reached by ${key}:\n${way.join('\n')}`);
}

async function type(page: Page, label: string, text: string): Promise<void> {
  const field = page.getByLabel(label, { exact: true });
  if (!(await isFocused(field))) await tabTo(page, field);
  await page.keyboard.type(text);
}

// The dialog is gone and the focus is where it came from.
async function isBackAt(page: Page, opener: Locator): Promise<void> {
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  await expect.poll(() => isFocused(opener)).toBe(true);
  expect((await focus(page)).seen).toBe(true);
}

test('log in, by the skip link into the files', async () => {
  const { page } = visitor;
  await page.goto(`${gatehouse.url}/console/`);
  await isShown(page.getByRole('heading', { name: 'Log in' }));
  await type(page, 'Username or e-mail', 'ada');
  await type(page, 'Password', password);
  await page.keyboard.press('Enter');
  await isShown(page.getByText('Nothing here yet'));
  await tabTo(page, page.getByRole('link', { name: 'Skip to the content' }));
  await page.keyboard.press('Enter');
  await tabTo(page, button(page, 'Choose files'));
});

test('upload, play, download', async () => {
  const { page } = visitor;
  const video = videoWithSound(3, '320x240');
  for (const name of ['one.mp4', 'two.mp4']) {
    const [chooser] = await Promise.all([page.waitForEvent('filechooser'), page.keyboard.press('Enter')]);
    await chooser.setFiles({ name, mimeType: 'video/mp4', buffer: readFileSync(video.file) });
    await page.locator('li[data-state=processed]', { hasText: name }).waitFor({ timeout: 60_000 });
    expect(await isFocused(button(page, 'Choose files')), 'the focus stays while the list changes').toBe(true);
  }

  const play = button(page, 'Play two.mp4');
  await tabTo(page, play);
  await page.keyboard.press('Enter');
  await isShown(page.getByRole('dialog', { name: 'two.mp4' }));
  await page.waitForFunction(() => (document.querySelector('video')?.currentTime ?? 0) > 0);
  await picture(page, 'keyboard-preview');
  await page.keyboard.press('Escape');
  await isBackAt(page, play);
  // And by its button.
  await page.keyboard.press('Enter');
  await tabTo(page, page.getByRole('dialog').getByRole('button', { name: 'Close' }));
  await page.keyboard.press('Enter');
  await isBackAt(page, play);

  await tabTo(page, page.getByRole('link', { name: 'Download two.mp4' }));
  const [download] = await Promise.all([page.waitForEvent('download'), page.keyboard.press('Enter')]);
  expect(download.suggestedFilename()).toBe('two.mp4');
});

test('share', async () => {
  const { page } = visitor;
  const share = button(page, 'Share two.mp4');
  await tabTo(page, share);
  await page.keyboard.press('Enter');
  const dialog = page.getByRole('dialog', { name: 'Share this file' });
  const lifetime = dialog.getByLabel('The link works for');
  await dialog.waitFor();
  if (!(await isFocused(lifetime))) await tabTo(page, lifetime);
  await page.keyboard.press('ArrowUp');
  expect(await lifetime.evaluate((element: HTMLSelectElement) => element.selectedOptions[0]!.textContent)).toBe('1 hour');
  await tabTo(page, dialog.getByRole('button', { name: 'Make a link' }));
  await page.keyboard.press('Enter');
  const link = dialog.getByLabel('Link', { exact: true });
  await link.waitFor();
  await expect.poll(() => isFocused(link), 'the link is at hand').toBe(true);
  expect((await fetch(await page.evaluate(() => navigator.clipboard.readText()))).status).toBe(200);
  await tabTo(page, dialog.getByRole('button', { name: 'Close' }));
  await page.keyboard.press('Enter');
  await isBackAt(page, share);
});

test('delete after a question, and go on with the next file', async () => {
  const { page } = visitor;
  const remove = button(page, 'Delete two.mp4');
  await tabTo(page, remove);
  await page.keyboard.press('Enter');
  const dialog = page.getByRole('dialog', { name: 'Delete this file?' });
  await dialog.waitFor();
  await tabTo(page, dialog.getByRole('button', { name: 'Cancel' }));
  await page.keyboard.press('Enter');
  await isBackAt(page, remove);

  await page.keyboard.press('Enter');
  await tabTo(page, dialog.getByRole('button', { name: 'Delete' }));
  await picture(page, 'keyboard-delete');
  await page.keyboard.press('Enter');
  await fileRow(page, 'two.mp4').waitFor({ state: 'detached' });
  await expect.poll(() => isFocused(button(page, 'Play one.mp4'))).toBe(true);

  await tabTo(page, button(page, 'Delete one.mp4'));
  await page.keyboard.press('Enter');
  await tabTo(page, dialog.getByRole('button', { name: 'Delete' }));
  await page.keyboard.press('Enter');
  await isShown(page.getByText('Nothing here yet'));
  await expect.poll(() => isFocused(button(page, 'Choose files'))).toBe(true);
});

test('change the password, log out and in with the new one', async () => {
  const { page } = visitor;
  await tabTo(page, page.getByRole('navigation', { name: 'Sections' }).getByRole('link', { name: 'Profile' }), 'Shift+Tab');
  await page.keyboard.press('Enter');
  await isShown(page.getByRole('heading', { name: 'Profile' }));
  await expect.poll(() => isFocused(page.getByRole('main'))).toBe(true);
  await type(page, 'Current password', password);
  await type(page, 'New password', `${password} two`);
  await picture(page, 'keyboard-profile');
  await page.keyboard.press('Enter');
  await isShown(page.getByText('Password changed'));
  await tabTo(page, page.getByRole('banner').getByRole('button', { name: 'Log out' }), 'Shift+Tab');
  await page.keyboard.press('Enter');
  await isShown(page.getByRole('heading', { name: 'Log in' }));
  await type(page, 'Username or e-mail', 'ada');
  await type(page, 'Password', `${password} two`);
  await page.keyboard.press('Enter');
  await isShown(page.getByText('Nothing here yet'));
});

test('in all of this no mouse was used, and the page met no error', () => {
  expect(visitor.complaints).toEqual([]);
});
