// SPDX-License-Identifier: Apache-2.0
// Signing keys change every two seconds while every role that verifies is asked all the time, with fresh tokens and with
// ones that are nearly over: nobody is refused. GATEHOUSE_TEST_SECONDS says for how long.
import { expect, test } from 'vitest';
import { startEchoService } from '../support/echo_service.js';
import { Gatehouse, password } from '../support/gatehouse.js';
import { sleep } from '../support/process.js';

const seconds = Number(process.env.GATEHOUSE_TEST_SECONDS ?? 15);
const tokenSeconds = 10;
const clients = 8;

const kidOf = (token: string): string => JSON.parse(Buffer.from(token.split('.')[0], 'base64url').toString()).kid;

test(`signing keys rotate every 2 s for ${seconds} s, and no good token is refused`, { timeout: (seconds + 90) * 1000 }, async () => {
  const echo = await startEchoService();
  const gatehouse = new Gatehouse({
    distributed: true,
    replicas: { auth: 2, files: 2 },
    config: `
auth: {access_token_ttl: ${tokenSeconds}s, key_publish_ahead: 6s, key_fetch_interval: 1s, key_rotation_interval: 2s}
gateway: {access_log: false, routes: [{path: /api, upstreams: ["${echo.url}"]}]}
`,
  });
  try {
    await gatehouse.start();
    gatehouse.addUser('ada');
    const places = [
      `${gatehouse.url}/api/x`,
      `${gatehouse.url}/files`,
      ...gatehouse.urlsOf('auth').flatMap((url) => [`${url}/validate`, `${url}/profile`]),
      ...gatehouse.urlsOf('files').map((url) => `${url}/files`),
    ];
    const kids = new Set<string>();
    const answers: Record<number, number> = {};
    const refused: string[] = [];

    // One after the other: many at once would count as guessing before the first has succeeded.
    const sessions: any[] = [];
    for (let i = 0; i < clients; i++) {
      const login = await fetch(`${gatehouse.url}/login`, { method: 'POST', headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ username: 'ada', password }) });
      expect(login.status).toBe(200);
      sessions.push(await login.json());
    }

    const end = Date.now() + seconds * 1000;
    const client = async (session: any) => {
      let tokens: { text: string; until: number }[] = [];
      let refreshAt = 0;
      for (let i = 0; Date.now() < end; i++) {
        if (Date.now() >= refreshAt) {
          const answer = await fetch(`${gatehouse.url}/refresh`, { method: 'POST', headers: { 'content-type': 'application/json' },
            body: JSON.stringify({ refresh_token: session.refresh_token }) });
          session = await answer.json();
          if (answer.status !== 200) throw new Error(`refresh: ${answer.status} ${JSON.stringify(session)}`);
          kids.add(kidOf(session.access_token));
          tokens.push({ text: session.access_token, until: Date.now() + (tokenSeconds - 1) * 1000 });
          refreshAt = Date.now() + 500;
        }
        tokens = tokens.filter((token) => token.until > Date.now());
        // The newest, whose key somebody might not know yet, and the oldest, whose key somebody might have forgotten.
        const token = i % 2 === 0 ? tokens.at(-1)! : tokens[0];
        const place = places[Math.floor(i / 2) % places.length];
        const answer = await fetch(place, { headers: { authorization: `Bearer ${token.text}` } });
        const text = await answer.text();
        answers[answer.status] = (answers[answer.status] ?? 0) + 1;
        if (answer.status !== 200) refused.push(`${new Date().toISOString()} ${place} ${kidOf(token.text)} ${answer.status} ${text}`);
        await sleep(5);
      }
    };
    await Promise.all(sessions.map(client));

    console.log(`${kids.size} keys signed tokens; answers ${JSON.stringify(answers)}`);
    expect(refused.slice(0, 10)).toEqual([]);
    // About one every two seconds, after the first.
    expect(kids.size).toBeGreaterThanOrEqual(Math.floor((seconds - 4) / 2 * 0.7));
    expect(answers[200]).toBeGreaterThan(seconds * 50);
    // The keys of long ago are gone from the store, too.
    const keys = JSON.parse(gatehouse.command(['key', 'list', '--json'])).items;
    expect(keys.filter((key: any) => key.state === 'active')).toHaveLength(1);
    expect(keys.length).toBeLessThan(60);
  } finally {
    await gatehouse.stop();
    await echo.stop();
  }
});
