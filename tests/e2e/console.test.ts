// SPDX-License-Identifier: Apache-2.0
// The console in a browser, against the real program: from the printed link to the mp3 and the mail.
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import jsqr from 'jsqr';
import type { Page } from 'playwright-core';
import { afterEach, beforeAll, expect, test } from 'vitest';
import { Gatehouse, password } from '../support/gatehouse.js';
import { codec, duration, silentVideo, videoWithSound } from '../support/media.js';
import { totp } from '../support/totp.js';
import { barriers, browser, button, fileRow, isShown, logIn, picture, readableByScripts, useBrowser, visit, type Visitor } from './browser.js';

const gatehouse = new Gatehouse();
let admin: Visitor;

useBrowser(gatehouse);
beforeAll(async () => {
  admin = await visit(browser);
});

// A test that failed with a dialog open fails alone.
afterEach(async () => {
  const dialog = admin.page.locator('dialog[open]');
  if ((await dialog.count()) === 0) return;
  await admin.page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
});

// Waits for what the mail directory has to say about `name`.
async function mailAbout(name: string): Promise<string> {
  const directory = path.join(gatehouse.dataOf('notifier'), 'mail');
  const end = Date.now() + 15_000;
  while (Date.now() < end) {
    if (existsSync(directory)) {
      const mails = readdirSync(directory).filter((file) => file.endsWith('.eml'));
      const found = mails.map((file) => readFileSync(path.join(directory, file), 'utf8')).find((text) => text.includes(name));
      if (found !== undefined) return found;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`no mail about ${name} in ${directory}:\n${gatehouse.output.slice(-3000)}`);
}

test('the printed link makes the first administrator and logs in', async () => {
  const link = /http:\/\/\S+\/console\/setup#\S+/.exec(gatehouse.output)?.[0];
  expect(link, gatehouse.output).toBeDefined();
  const { page } = admin;

  await page.goto(`${gatehouse.url}/`);
  await isShown(page.getByText('There is no administrator yet'));
  await picture(page, 'login-before-setup');

  await page.goto(link!);
  await page.getByLabel('Username').fill('ada');
  await page.getByLabel('E-mail').fill('ada@example.com');
  await page.getByLabel('Password', { exact: true }).fill(password);
  await picture(page, 'setup');
  await button(page, 'Create and log in').click();
  await isShown(page.getByText('Nothing here yet'));
  expect(new URL(page.url()).pathname).toBe('/console/');
  expect(page.url()).not.toContain('#');
  await picture(page, 'files-empty');
});

test('the link works once', async () => {
  const link = /http:\/\/\S+\/console\/setup#\S+/.exec(gatehouse.output)![0];
  const { page, context, complaints } = await visit(browser);
  await page.goto(link);
  await isShown(page.getByRole('heading', { name: 'Gatehouse is set up already' }));
  expect(complaints).toEqual([]);
  await context.close();
});

test('the session is in cookies that no script can read', async () => {
  const cookies = await admin.context.cookies();
  expect(cookies.map((cookie) => cookie.name).sort()).toEqual(['__Host-gatehouse', '__Host-gatehouse-refresh']);
  for (const cookie of cookies) expect(cookie).toMatchObject({ httpOnly: true, secure: true, sameSite: 'Strict', path: '/' });
  expect(await readableByScripts(admin.page)).toEqual({ cookie: '', local: 0, session: 0 });
});

test('a video is uploaded, its mp3 comes out and is downloaded, and the mail is there', async () => {
  const { page } = admin;
  const video = videoWithSound(10, '1280x720');
  await page.locator('input[type=file]').setInputFiles(video.file);

  const row = fileRow(page, 'clip.mp4');
  await isShown(row);
  await picture(page, 'uploading');
  await page.locator('li[data-state=processed]').waitFor({ timeout: 60_000 });
  await isShown(row.getByText('Ready'));
  await isShown(row.getByText('Audio'));
  await isShown(row.getByText('Thumbnail'));
  await page.waitForFunction(() => [...document.images].every((image) => image.complete && image.naturalWidth > 0));
  await picture(page, 'files-processed');
  await page.setViewportSize({ width: 390, height: 844 });
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
  await picture(page, 'files-phone');
  await page.setViewportSize({ width: 1280, height: 800 });

  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('link', { name: 'Download clip.mp3' }).click(),
  ]);
  expect(download.suggestedFilename()).toBe('clip.mp3');
  const saved = await download.path();
  expect(codec(saved)).toBe('mp3');
  expect(Math.abs(duration(saved) - duration(video.file))).toBeLessThan(0.2);

  expect(await mailAbout('clip.mp4')).toMatch(/^To:.*ada@example\.com/im);
});

test('what was uploaded and what was made of it are played in the page', async () => {
  const { page } = admin;
  const plays = (element: 'video' | 'audio') =>
    page.waitForFunction((name) => (document.querySelector<HTMLMediaElement>(name)?.currentTime ?? 0) > 0, element);
  // The browser asks for parts from its first request on; how many of them it needs is its own affair.
  const [part] = await Promise.all([
    page.waitForResponse((response) => response.url().includes('/content') && response.status() === 206),
    button(page, 'Play clip.mp4').click(),
  ]);
  expect(part.headers()['content-range']).toMatch(/^bytes \d+-\d+\/\d+$/);
  await isShown(page.getByRole('dialog', { name: 'clip.mp4' }));
  await plays('video');
  await picture(page, 'preview-video');
  await page.evaluate(() => {
    const video = document.querySelector('video')!;
    video.currentTime = video.duration - 1;
  });
  await page.waitForFunction(() => {
    const video = document.querySelector('video')!;
    return !video.seeking && video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA && video.currentTime > video.duration - 1;
  });
  await page.keyboard.press('Escape');

  await button(page, 'Play clip.mp3').click();
  await plays('audio');
  await page.getByRole('dialog', { name: 'clip.mp3' }).getByRole('button', { name: 'Close' }).click();
  await page.locator('dialog').waitFor({ state: 'detached' });
  expect(admin.complaints).toEqual([]);
});

test('a video without sound fails with a reason that people understand', async () => {
  const { page } = admin;
  await page.locator('input[type=file]').setInputFiles(silentVideo().file);
  const row = page.locator('li[data-state=failed]');
  await row.waitFor({ timeout: 60_000 });
  expect(await row.innerText()).toMatch(/audio|sound/i);
  await picture(page, 'files-failed');
});

test('a file is shared by a link, which whoever has it may follow', async () => {
  const { page } = admin;
  await button(page, 'Share clip.mp4').click();
  const dialog = page.getByRole('dialog', { name: 'Share this file' });
  await isShown(dialog);
  await dialog.getByLabel('The link works for').selectOption({ label: '1 hour' });
  await dialog.getByRole('button', { name: 'Make a link' }).click();
  const field = dialog.getByLabel('Link', { exact: true });
  await field.waitFor();
  await picture(page, 'share');
  const stranger = await fetch(await field.inputValue());
  expect(stranger.status).toBe(200);
  expect(stranger.headers.get('content-disposition')).toContain('clip.mp4');
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
});

test('an upload that a reload interrupts goes on where it was', async () => {
  const { page, context } = admin;
  const file = path.join(gatehouse.data, 'large.bin');
  const content = randomBytes(12_000_000);
  writeFileSync(file, content);
  const network = await context.newCDPSession(page);
  await network.send('Network.enable');
  const throttle = (uploadThroughput: number) =>
    network.send('Network.emulateNetworkConditions', { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput });

  await throttle(1_000_000);
  await page.locator('input[type=file]').setInputFiles(file);
  const row = fileRow(page, 'large.bin');
  await row.getByText(/^[4-9]\.\d MB of 12\.0 MB/).waitFor();
  page.once('dialog', (dialog) => void dialog.accept()); // "leave this page?"
  await page.reload();

  await isShown(row.getByText(/MB of 12\.0 MB arrived\. Choose the file again to go on\./));
  expect(Number.parseFloat(await row.innerText().then((text) => /([\d.]+) MB of/.exec(text)![1]!))).toBeGreaterThan(1);
  await picture(page, 'upload-interrupted');
  await throttle(-1);
  const sent: number[] = [];
  page.on('request', (request) => {
    if (request.method() === 'PATCH') sent.push(Number(request.headers()['upload-offset']));
  });
  const [chooser] = await Promise.all([page.waitForEvent('filechooser'), button(page, 'Choose large.bin to go on').click()]);
  await chooser.setFiles(file);
  await page.locator('li[data-state=processed]', { hasText: 'large.bin' }).waitFor({ timeout: 60_000 });
  expect(sent[0]).toBeGreaterThan(1_000_000);
  expect(await row.count()).toBe(1);

  const token = await gatehouse.token('ada');
  const list = (await (await gatehouse.request('GET', '/files', { token })).json()) as { items: { name: string; sha256: string }[] };
  const stored = list.items.find((one) => one.name === 'large.bin');
  expect(stored?.sha256).toBe(createHash('sha256').update(content).digest('hex'));
  expect(await page.evaluate(() => localStorage.length)).toBe(0);
});

test('a file is deleted after a question, by the keyboard alone', async () => {
  const { page } = admin;
  const remove = button(page, 'Delete silent.mp4');
  await remove.focus();
  await page.keyboard.press('Enter');
  const dialog = page.getByRole('dialog', { name: 'Delete this file?' });
  await isShown(dialog);
  await picture(page, 'delete');

  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  expect(await remove.evaluate((element) => element === document.activeElement)).toBe(true);

  await page.keyboard.press('Enter');
  await isShown(dialog);
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await fileRow(page, 'silent.mp4').waitFor({ state: 'detached' });
  await isShown(fileRow(page, 'clip.mp4'));
});

test('what was deleted is restored from the trash, or deleted for good', async () => {
  const { page } = admin;
  await button(page, 'Show the trash').click();
  const trash = page.getByRole('list', { name: 'Files in the trash' });
  const row = trash.getByRole('listitem', { name: 'silent.mp4' });
  await isShown(row);
  await picture(page, 'trash');
  await button(page, 'Restore silent.mp4').click();
  await row.waitFor({ state: 'detached' });
  await isShown(fileRow(page, 'silent.mp4'));

  await button(page, 'Delete silent.mp4').click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await isShown(row);
  await button(page, 'Delete silent.mp4 for good').click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete for good' }).click();
  await row.waitFor({ state: 'detached' });
  await isShown(page.getByText('The trash is empty.'));
  await button(page, 'Hide the trash').click();
});

test('all links of a file end from its Share dialog', async () => {
  const { page } = admin;
  await button(page, 'Share clip.mp4').click();
  await button(page, 'Make a link').click();
  const url = await page.getByLabel('Link', { exact: true }).inputValue();
  expect((await fetch(url)).status).toBe(200);
  await button(page, 'End all links').click();
  await isShown(page.getByRole('dialog').getByText('All links of this file have ended.'));
  expect((await fetch(url)).status).toBe(403);
  await page.getByRole('button', { name: 'Cancel' }).click();
});

test('an administrator adds a user, who sees files of their own only, and disables the user', async () => {
  const { page } = admin;
  await page.getByRole('link', { name: 'Administration' }).click();
  await page.getByRole('link', { name: 'Users' }).click();
  await button(page, 'Add user').click();
  await page.getByLabel('Username').fill('grace');
  await page.getByLabel('E-mail').fill('grace@example.com');
  await page.getByLabel('First password').fill(password);
  await button(page, 'Create user').click();
  await isShown(page.getByRole('listitem', { name: 'grace' }));
  await picture(page, 'users');

  const grace = await visit(browser, { colorScheme: 'dark', viewport: { width: 390, height: 844 } });
  await grace.page.goto(`${gatehouse.url}/console/users`);
  await logIn(grace.page, 'grace');
  await isShown(grace.page.getByText('Only administrators see this page.'));
  await grace.page.getByRole('link', { name: 'Files' }).click();
  await isShown(grace.page.getByText('Nothing here yet'));
  expect(await grace.page.getByRole('link', { name: /Administration|Users/ }).count()).toBe(0);
  await picture(grace.page, 'phone-dark');
  expect(grace.complaints).toEqual([]);

  await button(page, 'Disable grace').click();
  await page.getByRole('dialog').getByRole('button', { name: 'Disable' }).click();
  await isShown(button(page, 'Enable grace'));
  await grace.context.close();

  const again = await visit(browser);
  await again.page.goto(`${gatehouse.url}/console/`);
  await logIn(again.page, 'grace');
  await isShown(again.page.getByText('That username and password do not match.'));
  await picture(again.page, 'login-refused');
  await again.context.close();
});

test('a session whose access token has ended goes on, in the page and after a reload', async () => {
  const { page, context } = admin;
  await context.clearCookies({ name: '__Host-gatehouse' });
  await page.reload();
  await isShown(page.getByRole('heading', { name: 'Users' }));
  expect((await context.cookies()).map((cookie) => cookie.name)).toContain('__Host-gatehouse');
  expect(admin.complaints).toEqual([]);

  // Here the page learns of it by a 401, which the browser writes to its console.
  await context.clearCookies({ name: '__Host-gatehouse' });
  await page.getByRole('link', { name: 'Files' }).click();
  await isShown(fileRow(page, 'clip.mp4'));
  expect(admin.complaints.every((text) => text.includes('status of 401'))).toBe(true);
  admin.complaints.length = 0;
});

// The text of the QR code in the page, as a camera would read it.
async function readCode(page: Page): Promise<string | undefined> {
  const { size, dark } = await page.getByRole('img', { name: 'QR code for the authenticator app' }).evaluate((image) => ({
    size: Number(image.getAttribute('viewBox')!.split(' ')[2]),
    dark: [...image.querySelector('path')!.getAttribute('d')!.matchAll(/M(\d+) (\d+)/g)].map((match) => [Number(match[1]), Number(match[2])]),
  }));
  const scale = 4;
  const pixels = new Uint8ClampedArray((size * scale) ** 2 * 4).fill(255);
  for (const [x, y] of dark as [number, number][])
    for (let row = y * scale; row < (y + 1) * scale; row++)
      for (let column = x * scale; column < (x + 1) * scale; column++) pixels.fill(0, (row * size * scale + column) * 4, (row * size * scale + column) * 4 + 3);
  const decode = (jsqr as unknown as { default?: typeof jsqr }).default ?? jsqr; // a CommonJS module
  return decode(pixels, size * scale, size * scale)?.data;
}

test('a second factor is set up by a QR code, and asked for from then on', async () => {
  gatehouse.addUser('lin');
  const lin = await visit(browser, { viewport: { width: 390, height: 844 } });
  const { page } = lin;
  await page.goto(`${gatehouse.url}/console/profile`);
  await logIn(page, 'lin');
  await page.locator('input[name=totp_password]').fill(password);
  await button(page, 'Set up').click();
  const uri = new URL((await readCode(page))!);
  expect(uri.protocol).toBe('otpauth:');
  expect(await barriers(page)).toEqual([]);
  await picture(page, 'second-factor');
  await page.getByLabel('Code', { exact: true }).fill(totp(uri.searchParams.get('secret')!));
  await button(page, 'Turn on').click();
  await isShown(page.getByText('Keep these codes'));
  await button(page, 'I have kept them').click();
  await page.getByRole('banner').getByRole('button', { name: 'Log out' }).click();
  await logIn(page, 'lin');
  await isShown(page.getByLabel(/code/i));
  await picture(page, 'login-second-factor');
  await lin.context.close();
});

test('another session is ended from the profile', async () => {
  const { page } = admin;
  const token = await gatehouse.token('ada');
  await page.getByRole('link', { name: 'Profile' }).click();
  await page.getByRole('button', { name: 'End the session of node' }).first().click();
  await isShown(page.getByText('Session ended'));
  await expect.poll(async () => (await gatehouse.request('GET', '/files', { token })).status).toBe(401);
  await isShown(page.getByText('This one'));
});

test('the password is changed with the current one', async () => {
  const { page } = admin;
  await page.getByRole('link', { name: 'Profile' }).click();
  await isShown(page.getByText('ada@example.com'));
  await page.getByLabel('Current password').fill(password);
  await page.getByLabel('New password').fill(`${password} two`);
  await picture(page, 'profile');
  await button(page, 'Change password').click();
  await isShown(page.getByText('Password changed'));
});

test('logging out ends the session and clears the cookies', async () => {
  const { page, context } = admin;
  await page.getByRole('banner').getByRole('button', { name: 'Log out' }).click();
  await isShown(page.getByRole('heading', { name: 'Log in' }));
  expect(await context.cookies()).toEqual([]);
  expect(await readableByScripts(page)).toEqual({ cookie: '', local: 0, session: 0 });
  await picture(page, 'login');
});

test('in all of this the page broke no policy and met no error', () => {
  expect(admin.complaints).toEqual([]);
});
