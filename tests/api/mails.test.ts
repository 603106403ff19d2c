// SPDX-License-Identifier: Apache-2.0
// GET /admin/mails: what is read where there is no mail server, by whom, and that nothing else is.
import { readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Gatehouse } from '../support/gatehouse.js';

// The notifier's own process keeps mails to itself: here it is the gateway's.
const gatehouse = new Gatehouse({ distributed: false });
let root = '';

beforeAll(async () => {
  await gatehouse.start();
  gatehouse.addUser('root', 'admin');
  gatehouse.command(['role', 'add', 'almost', '--permission', 'admin:mails,admin:users,admin:status']);
  gatehouse.addUser('ada');
  gatehouse.addUser('grace', 'almost');
  root = await gatehouse.token('root');
});
afterAll(() => gatehouse.stop());

const form = (body: object) => ({ headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
const list = async () => (await gatehouse.json('GET', '/admin/mails', root)).items as any[];

test('a link that was mailed is found, newest first, and works', async () => {
  expect(await gatehouse.json('GET', '/admin/mails', root)).toEqual({ items: [], next: null });
  expect((await gatehouse.request('POST', '/forgot-password', form({ email: 'ada@example.com' }))).status).toBe(202);
  await expect.poll(async () => (await list()).length, { timeout: 15_000 }).toBe(1);
  const [mail] = await list();
  expect(mail).toEqual({ id: expect.any(String), at: expect.stringMatching(/^\d{4}-/), from: 'Gatehouse <gatehouse@localhost>', to: expect.stringContaining('ada@example.com'), subject: expect.any(String) });

  const whole = await gatehouse.request('GET', `/admin/mails/${mail.id}`, { token: root });
  expect(whole.headers.get('cache-control')).toBe('no-store');
  expect(whole.headers.get('content-type')).toBe('application/json');
  const { text } = (await whole.json()) as { text: string };
  const secret = /\/console\/reset-password#(\S+)/.exec(text)?.[1];
  expect(secret, text).toBeDefined();
  const answer = await gatehouse.request('POST', '/reset-password', form({ token: secret, password: 'another good pass phrase' }));
  expect(answer.status).toBe(200);

  await expect.poll(async () => (await list()).length, { timeout: 15_000 }).toBe(2);
  await gatehouse.request('POST', '/forgot-password', form({ email: 'root@example.com' }));
  await expect.poll(async () => (await list())[0].to, { timeout: 15_000 }).toContain('root@example.com');
  // And one that the password was changed, in between.
  await expect.poll(async () => (await list()).length, { timeout: 15_000 }).toBe(3);
  expect((await list()).at(-1).id).toBe(mail.id);
  expect((await gatehouse.json('GET', '/admin/status', root)).mails).toBe(true);
});

test('only who may do everything reads them', async () => {
  const grace = await gatehouse.token('grace');
  for (const target of ['/admin/mails', `/admin/mails/${(await list())[0].id}`]) {
    expect((await gatehouse.request('GET', target)).status).toBe(401);
    const refused = await gatehouse.request('GET', target, { token: grace });
    expect(refused.status).toBe(403);
    expect(await refused.json()).toMatchObject({ code: 'insufficient_scope' });
    expect((await gatehouse.request('DELETE', target, { token: root })).status).toBe(405);
  }
});

test('nothing else of the disk can be read', async () => {
  const directory = path.join(gatehouse.data, 'mail');
  const stranger = '0190163d-8694-739b-aea5-966c26f8ad91';
  writeFileSync(path.join(gatehouse.data, 'secret.eml'), 'Subject: secret\n\nsecret\n');
  symlinkSync(path.join(gatehouse.data, 'secret.eml'), path.join(directory, `${stranger}.eml`));
  for (const name of [stranger, '..%2Fsecret', '%2e%2e%2fsecret', 'secret', 'x'.repeat(2000), '0190163D-8694-739B-AEA5-966C26F8AD91']) {
    const answer = await gatehouse.request('GET', `/admin/mails/${name}`, { token: root });
    expect([400, 404], name).toContain(answer.status);
    expect(await answer.text()).not.toContain('Subject');
  }
  const answer = await gatehouse.request('GET', `/admin/mails/${stranger}`, { token: root });
  expect(await answer.json()).toMatchObject({ status: 404, code: 'mail_not_found' });
  expect((await list()).length).toBe(3);
});

test('with a mail server there are none to read', async () => {
  const sending = await new Gatehouse({ distributed: false, config: 'notifier: {smtp: {url: "smtp://127.0.0.1:1", starttls: false}}\n' }).start();
  try {
    sending.addUser('root', 'admin');
    const token = await sending.token('root');
    for (const target of ['/admin/mails', '/admin/mails/0190163d-8694-739b-aea5-966c26f8ad91']) {
      const answer = await sending.request('GET', target, { token });
      expect(await answer.json()).toMatchObject({ status: 404, code: 'mails_not_kept' });
    }
    expect((await sending.json('GET', '/admin/status', token)).mails).toBe(false);
  } finally {
    await sending.stop();
  }
});
