// SPDX-License-Identifier: Apache-2.0
// Uploads that arrive throughout a test, and what must have become of them at its end.
import { expect } from 'vitest';
import { sleep } from './process.js';
import type { Gatehouse } from './gatehouse.js';
import { silentVideo, soundFile, videoWithSound } from './media.js';

const kinds: Record<string, { content: () => Buffer; made: string[]; state: string }> = {
  'clip.mp4': { content: () => videoWithSound(2, '320x240').content, made: ['audio', 'thumbnail'], state: 'processed' },
  'tone.wav': { content: () => soundFile(2).content, made: ['audio'], state: 'processed' },
  'silent.mp4': { content: () => silentVideo(1).content, made: ['thumbnail'], state: 'failed' },
  'big.bin': { content: () => Buffer.alloc(3 << 20, 'gatehouse'), made: [], state: 'processed' },
};

export class Uploads {
  readonly accepted = new Map<string, string>(); // id -> name, of those that were answered 201
  refused = 0; // cut off or answered otherwise: nothing was promised
  private running = true;
  private readonly uploaders: Promise<void>[];
  private readonly contents = Object.entries(kinds).map(([name, kind]) => [name, kind.content()] as const);

  // `token` is asked for again and again: it ends, and login may be away.
  constructor(private readonly gatehouse: Gatehouse, private token: string, count = 2, private readonly pauseMs = 500) {
    this.uploaders = Array.from({ length: count }, (_, i) => this.upload(i * 2));
  }

  private async upload(offset: number): Promise<void> {
    for (let i = offset; this.running; i++) {
      const [name, content] = this.contents[i % this.contents.length];
      try {
        const record = await this.gatehouse.upload(this.token, name, content);
        this.accepted.set(record.id, name);
      } catch {
        this.refused++;
      }
      await sleep(Math.random() * 2 * this.pauseMs);
    }
  }

  async stop(): Promise<void> {
    this.running = false;
    await Promise.all(this.uploaders);
  }

  // Every accepted upload has ended as it should, with exactly one result for each processor, and can be read. Returns all
  // records that somebody can see: an upload may have been stored though its answer was cut.
  async check(token: string, seconds = 300): Promise<any[]> {
    const visible: any[] = [];
    for (let after: string | null = ''; after !== null;) {
      const page: any = await this.gatehouse.json('GET', `/files?limit=100${after ? `&cursor=${after}` : ''}`, token);
      visible.push(...page.items);
      after = page.next;
    }
    const found = new Set(visible.map((record) => record.id));
    const lost = [...this.accepted.keys()].filter((id) => !found.has(id));
    expect(lost, 'accepted uploads that are gone').toEqual([]);
    const records = [];
    for (const { id, name } of visible) {
      const record = await this.gatehouse.settled(token, id, seconds);
      const kind = kinds[name];
      if (!kind) continue; // another test's
      expect(record.state, `${name} ${id}: ${record.reason}`).toBe(kind.state);
      expect(record.derived.map((file: any) => file.processor).sort(), `${name} ${id}`).toEqual(kind.made);
      for (const file of [record, ...record.derived]) {
        const answer = await this.gatehouse.request('GET', `/files/${file.id}/content`, { token });
        expect(answer.status).toBe(200);
        expect((await answer.arrayBuffer()).byteLength, `${file.name} ${file.id}`).toBe(file.size);
      }
      records.push(record);
    }
    return records;
  }
}
