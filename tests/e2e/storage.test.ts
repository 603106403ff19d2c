// SPDX-License-Identifier: Apache-2.0
// How much is stored, as its owner sees it while files come and go, and as who manages users sees it.
import { expect, test } from 'vitest';
import { Gatehouse } from '../support/gatehouse.js';
import { barriers, browser, button, fileRow, isShown, logIn, picture, useBrowser, visit } from './browser.js';

const gatehouse = new Gatehouse({ config: 'files: {quota_bytes: 1000000, quota_by_role: [{role: admin, bytes: 0}]}\n' });

useBrowser(gatehouse, { root: 'admin', ada: 'user' });

const file = (name: string, size: number) => ({ name, mimeType: 'application/octet-stream', buffer: Buffer.alloc(size, name) });

test('a user sees how much of the quota is used, and when it is full', async () => {
  const { page, context, complaints } = await visit(browser);
  await page.goto(`${gatehouse.url}/console/`);
  await logIn(page, 'ada');
  await isShown(page.getByText('Nothing here yet'));
  const input = page.locator('input[type=file]');
  await input.setInputFiles(file('half.bin', 500_000));
  await isShown(page.getByText('500 KB of 1.0 MB used'));
  const meter = page.getByRole('meter', { name: 'Storage used' });
  expect(await meter.evaluate((element: HTMLMeterElement) => element.value / element.max)).toBe(0.5);
  await picture(page, 'storage');
  expect(await barriers(page)).toEqual([]);

  await input.setInputFiles(file('rest.bin', 500_000));
  await isShown(page.getByText('1.0 MB of 1.0 MB used. Delete files to make room.'));
  await picture(page, 'storage-full');
  expect(await barriers(page)).toEqual([]);
  await page.setViewportSize({ width: 390, height: 844 });
  await picture(page, 'storage-phone');
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
  await button(page, 'Delete rest.bin').click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await fileRow(page, 'rest.bin').waitFor({ state: 'detached' });
  // It is in the trash, which counts.
  await isShown(page.getByText('1.0 MB of 1.0 MB used, 500 KB of it in the trash. Delete what is in the trash to make room.'));
  await button(page, 'Show the trash').click();
  await button(page, 'Delete rest.bin for good').click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete for good' }).click();
  await isShown(page.getByText('500 KB of 1.0 MB used'));
  expect(complaints).toEqual([]);
  await context.close();
});

test('who has no quota sees what there is, and who manages users sees what each has', async () => {
  const { page, context, complaints } = await visit(browser, { colorScheme: 'dark' });
  await page.goto(`${gatehouse.url}/console/`);
  await logIn(page, 'root');
  await isShown(page.getByText('Nothing here yet'));
  await page.locator('input[type=file]').setInputFiles(file('mine.bin', 2_000_000));
  await isShown(page.getByText('1 file, 2.0 MB'));
  await page.getByRole('link', { name: 'Administration' }).click();
  await page.getByRole('link', { name: 'Users' }).click();
  await isShown(page.getByRole('listitem', { name: 'ada' }).getByText('500 KB stored'));
  await isShown(page.getByRole('listitem', { name: 'root' }).getByText('2.0 MB stored'));
  await picture(page, 'storage-users');
  expect(await barriers(page)).toEqual([]);
  expect(complaints).toEqual([]);
  await context.close();
});
