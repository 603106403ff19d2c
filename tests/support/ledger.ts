// SPDX-License-Identifier: Apache-2.0
// What each service must have seen, kept while requests go out, and compared at the end with the services' own logs and the
// gateway's access log.
import { expect } from 'vitest';
import { readSight, type BackEnd } from './back_ends.js';
import type { Gatehouse } from './gatehouse.js';

export interface Sees {
  method: string;
  target: string;
  body: string;
  fields?: Record<string, string | undefined>; // undefined: must not be there
}

// The route to each service. Every request has a place of its own below it: "/n/0042".
export const routes: Record<string, string> = { nginx: '/n', apache: '/a', lighttpd: '/l', node: '/j' };
export const anyPlace = '/B/0000';
export const placeOf = (name: string, number: number) => `${routes[name]}/${String(number).padStart(4, '0')}`;

export interface Answered {
  status: number;
  type: string | undefined; // Content-Type
  body: Buffer;
}

export class Ledger {
  private readonly expected = new Map<string, string[]>(); // by place: request lines, method and target
  private readonly disliked = new Set<string>(); // those that the service refused, maybe before it had read enough to log them well
  private readonly announced = new Set<string>();
  answers = 0;

  // The answer of the service to what it must have seen.
  take(place: string, sees: Sees, answer: Answered): void {
    const line = `${sees.method} ${sees.target}`;
    this.expected.set(place, [...(this.expected.get(place) ?? []), line]);
    this.answers++;
    if (answer.status >= 400) this.disliked.add(line);
    // A service may not like what it understood; then its log tells what that was.
    if (answer.status !== 200 || sees.method === 'HEAD' || answer.type !== 'application/octet-stream') {
      expect(answer.type, `${answer.status} ${answer.body}`).not.toBe('application/problem+json');
      return;
    }
    const sight = readSight(answer.body);
    expect(sight.method).toBe(sees.method);
    expect(sight.target).toBe(sees.target);
    expect(sight.body).toBe(sees.body);
    for (const [name, value] of Object.entries(sees.fields ?? {})) expect(sight.fields[name], name).toBe(value);
    for (const name of ['te', 'trailer', 'upgrade', 'keep-alive', 'proxy-connection', 'expect', 'x-injected']) expect(sight.fields[name], name).toBeUndefined();
    expect(['', 'keep-alive', 'Keep-Alive'], 'connection').toContain(sight.fields.connection ?? '');
    expect(sight.fields['x-request-id']).toMatch(/^\S+$/);
  }

  // A place from which nothing may have been seen whole.
  takeRefused(place: string): void {
    if (!this.expected.has(place)) this.expected.set(place, []);
  }

  // A request that was whole as announced before it turned out that more came: the service may have seen it, and no more.
  takeAnnounced(place: string, sees: Sees): void {
    this.takeRefused(place);
    this.announced.add(`${sees.method} ${sees.target}`);
  }

  // Ends the gateway and the services, whose logs are whole then.
  async compare(backEnds: BackEnd[], gatehouse: Gatehouse): Promise<void> {
    expect(await gatehouse.end()).toBe(0);
    const sent = new Map<string, { method: string; path: string; status: number }>();
    for (const line of gatehouse.output.split('\n')) {
      if (!line.includes('"message":"request"')) continue;
      const record = JSON.parse(line);
      expect(sent.has(record.request_id)).toBe(false);
      sent.set(record.request_id, record);
    }
    const problems: string[] = [];
    for (const backEnd of backEnds) {
      const { name } = backEnd;
      const log = await backEnd.stop();
      const whole = new Map<string, string[]>();
      const ids = new Set<string>();
      const theirs = [...this.disliked].filter((line) => line.includes(` ${routes[name]}/`));
      let unread = 0;
      for (const { id, line, status } of log) {
        if (id === '-' || id === '') {
          if (status < 400 || ++unread > theirs.length) problems.push(`${name} answered ${JSON.stringify(line)}, which the gateway did not send, with ${status}`);
          continue;
        }
        const record = sent.get(id);
        if (!record || ids.has(id)) {
          problems.push(`${name} saw ${JSON.stringify(line)}, ${record ? 'twice' : 'which the gateway did not send'}`);
          continue;
        }
        ids.add(id);
        const [method, target] = line.replace(/ HTTP\/1\.1$/, '').split(' ');
        const got = `${method} ${target.split('?')[0]}`;
        if (got !== `${record.method} ${normal(record.path)}`) problems.push(`${name} saw ${got}, but the gateway sent ${record.method} ${record.path}`);
        // What the gateway refused in the middle may have begun to arrive, and no more.
        if (record.status >= 400 && status !== 200) continue;
        if (this.disliked.has(`${method} ${target}`) || this.announced.has(`${method} ${target}`)) continue;
        const place = target.slice(0, anyPlace.length);
        whole.set(place, [...(whole.get(place) ?? []), `${method} ${target}`]);
      }
      for (const [place, wanted] of this.expected) {
        const got = (whole.get(place) ?? []).sort().join(', ');
        const liked = wanted.filter((line) => !this.disliked.has(line)).sort().join(', ');
        if (place.startsWith(routes[name]) && got !== liked) problems.push(`${name} saw ${got || 'nothing'} and not ${liked || 'nothing'}`);
      }
      console.log(`${name}: ${log.length} requests in its log, ${theirs.length} refused by itself: ${theirs.map((line) => line.split(' ')[0]).join(' ')}`);
    }
    expect(problems, problems.join('\n')).toEqual([]);
  }
}

// The path of the access log is the client's; what needs no escape is sent without.
const normal = (path: string) =>
  path.replace(/%([0-9a-f]{2})/gi, (escape, hex) => {
    const letter = String.fromCharCode(parseInt(hex, 16));
    return /[\w.~-]/.test(letter) ? letter : escape;
  });
