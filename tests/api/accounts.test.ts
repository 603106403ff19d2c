// SPDX-License-Identifier: Apache-2.0
// Accounts as their owners meet them: registration, reset, invitation, a new address, a second factor, and users who come
// from elsewhere. The links are those of mails that arrived.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Gatehouse, password } from '../support/gatehouse.js';
import { sleep } from '../support/process.js';
import { SmtpSink } from '../support/smtp_sink.js';
import { totp } from '../support/totp.js';

let gatehouse: Gatehouse;
let sink: SmtpSink;
let admin: string;
let outbox = 0; // mails that were looked at

beforeAll(async () => {
  sink = await new SmtpSink().open();
  gatehouse = await new Gatehouse({
    env: {
      GATEHOUSE_AUTH__REGISTRATION: 'true',
      GATEHOUSE_NOTIFIER__SMTP__URL: sink.url,
      GATEHOUSE_NOTIFIER__SMTP__STARTTLS: 'false',
    },
  }).start();
  gatehouse.addUser('root', 'admin');
  admin = await gatehouse.token('root');
});
afterAll(async () => {
  await gatehouse.stop();
  await sink.close();
});

async function post(target: string, body: unknown, token?: string): Promise<{ status: number; body: any }> {
  const answer = await gatehouse.request('POST', target, {
    token,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const text = await answer.text();
  return { status: answer.status, body: text === '' ? undefined : JSON.parse(text) };
}

async function nextMail(to: string) {
  const end = Date.now() + 30_000;
  for (;;) {
    const mail = sink.received[outbox];
    if (mail) {
      outbox++;
      expect(mail.to).toBe(to);
      return mail;
    }
    if (Date.now() > end) throw new Error(`no mail to ${to}:\n${gatehouse.output.slice(-3000)}`);
    await sleep(50);
  }
}

function tokenIn(text: string, page: string): string {
  const link = new RegExp(`${gatehouse.url}/console/${page}#([\\w-]{43})`).exec(text);
  if (!link) throw new Error(`no link to ${page} in: ${text}`);
  return link[1];
}

const logIn = (username: string, secret = password, otp?: string) => post('/login', { username, password: secret, otp });

describe('accounts', () => {
  it('are made by the link of a registration', async () => {
    const form = { username: 'ada', email: 'ada@example.com', password };
    expect((await post('/register', form)).status).toBe(202);
    expect((await logIn('ada')).status).toBe(401);
    const mail = await nextMail('ada@example.com');
    const token = tokenIn(mail.text, 'verify-email');
    expect((await gatehouse.request('GET', '/console/verify-email')).status).toBe(200);
    expect(await post('/verify-email', { token })).toEqual({
      status: 200,
      body: { username: 'ada', email: 'ada@example.com' },
    });
    expect((await post('/verify-email', { token })).body.code).toBe('invalid_link');
    expect((await logIn('ada')).status).toBe(200);

    // Again: the answer is the same, the owner of the address is told.
    expect((await post('/register', form)).status).toBe(202);
    expect((await nextMail('ada@example.com')).subject).toBe('You have an account already');
  });

  it('get a new password by the link of a reset, which ends the sessions', async () => {
    const before = (await logIn('ada')).body.access_token;
    const unknown = await post('/forgot-password', { email: 'nobody@example.com' });
    expect(await post('/forgot-password', { email: 'ada@example.com' })).toEqual(unknown);
    const token = tokenIn((await nextMail('ada@example.com')).text, 'reset-password');
    const answer = await post('/reset-password', { token, password: 'password' });
    expect([answer.status, answer.body.errors[0].pointer]).toEqual([422, '/password']);
    expect((await post('/reset-password', { token, password: 'quite another phrase' })).status).toBe(200);
    expect((await gatehouse.request('GET', '/profile', { token: before })).status).toBe(401);
    expect((await logIn('ada')).status).toBe(401);
    expect((await logIn('ada', 'quite another phrase')).status).toBe(200);
    expect((await nextMail('ada@example.com')).subject).toBe('Your password was changed');
  });

  it('are made by an invitation', async () => {
    expect((await post('/admin/users', { username: 'eve', email: 'eve@example.com' }, admin)).status).toBe(201);
    const token = tokenIn((await nextMail('eve@example.com')).text, 'accept-invitation');
    expect(await post('/reset-password', { token, password })).toEqual({ status: 200, body: { username: 'eve' } });
    expect((await logIn('eve')).status).toBe(200);
  });

  it('get a new address by the link that was mailed there, and the old one is told', async () => {
    const session = (await logIn('eve')).body.access_token;
    const answer = await gatehouse.request('PATCH', '/profile', {
      token: session,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ email: 'eve@example.org', current_password: password }),
    });
    expect(answer.status).toBe(202);
    const token = tokenIn((await nextMail('eve@example.org')).text, 'verify-email');
    expect((await post('/verify-email', { token })).status).toBe(200);
    expect((await nextMail('eve@example.com')).subject).toBe('Your e-mail address was changed');
    expect((await logIn('eve@example.org')).status).toBe(200);
    expect((await logIn('eve@example.com')).status).toBe(401);
  });

  it('have a second factor when their owner wants one', async () => {
    const session = (await logIn('eve')).body.access_token;
    const begun = await post('/profile/totp', { current_password: password }, session);
    expect(begun.body.uri).toContain(`secret=${begun.body.secret}`);
    const confirmed = await post('/profile/totp/confirm', { otp: totp(begun.body.secret) }, session);
    expect(confirmed.body.recovery_codes).toHaveLength(10);
    expect((await logIn('eve')).body.code).toBe('otp_required');
    expect((await logIn('eve', password, '000000')).body.code).toBe('wrong_otp');
    expect((await logIn('eve', password, confirmed.body.recovery_codes[0])).status).toBe(200);
    expect((await logIn('eve', password, confirmed.body.recovery_codes[0])).status).toBe(401);
    expect(gatehouse.command(['user', 'totp-reset', 'eve'])).toContain('eve');
    expect((await logIn('eve')).status).toBe(200);
  });

  it('can be imported with the hashes of another program, while the server runs', async () => {
    const file = path.join(gatehouse.data, 'users.jsonl');
    const users = [
      { username: 'joe', email: 'joe@example.com', password_hash: '$2b$04$abcdefghijklmnopqrstuuqREtd3VJD2QVZbuFskFSLk6eRIrQoOS' },
      { username: 'kim', password_plain: 'correct horse battery', roles: ['user'] },
    ];
    writeFileSync(file, users.map((user) => JSON.stringify(user) + '\n').join(''));
    expect(gatehouse.command(['user', 'import', file])).toBe('Imported 2 users.\n');
    for (const name of ['joe', 'kim']) {
      expect((await logIn(name, 'correct horse battery')).status).toBe(200);
      expect((await logIn(name, 'correct horse battery')).status).toBe(200);
      expect((await logIn(name, 'correct horse')).status).toBe(401);
    }
    expect(() => gatehouse.command(['user', 'import', file])).toThrow(/users.jsonl:1: username: Somebody has this user name/);
    expect(gatehouse.command(['user', 'import', file, '--skip-existing', '--json'])).toBe('{"imported":0,"skipped":2}\n');
    writeFileSync(file, '{"username":"fine"}\n\n{"username":"bad","email":7}\n{"username":"worse","roles":{}}\n');
    expect(() => gatehouse.command(['user', 'import', file])).toThrow(/:3: email: A text is needed[^]*:4: roles: [^]*nothing was imported/);
    expect(gatehouse.command(['user', 'list', '--json'])).not.toContain('fine');
  });
});
