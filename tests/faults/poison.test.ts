// SPDX-License-Identifier: Apache-2.0
// Processors that crash, hang or fill their quota: their jobs reach the dead letters after the configured attempts, hold up
// nobody, and can be replayed once the trouble is mended.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { Gatehouse, scratchDirectory } from '../support/gatehouse.js';

const attempts = 3;

// Each takes files of one kind and misbehaves until the file `mended` is there.
function config(mended: string): string {
  const poison = (name: string, type: string, misbehave: string) => `
    - name: ${name}
      types: [${type}]
      command: [sh, -c, '[ -s ${mended} ] || ${misbehave}; cp "$1" "$2"', sh, '{input}', '{output}', '${mended}']
      suffix: .out
      timeout: 2s
      output_bytes_max: 1MiB`;
  return `
events: {attempts_max: ${attempts}, delay_first: 200ms, delay_max: 400ms}
worker:
  jobs: 2
  processors:${poison('crash', 'image/png', 'kill -SEGV $$')}${poison('hang', 'image/gif', 'sleep 600')}${poison('quota', 'image/jpeg', '{ head -c 9000000 /dev/zero > "$2" || exit $?; }')}
    - {name: copy, types: [text/plain], command: [cp, '{input}', '{output}'], suffix: .txt}
`;
}

const contents = {
  crash: Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64'),
  hang: Buffer.from('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7', 'base64'),
  quota: Buffer.concat([Buffer.from('ffd8ffe000104a46494600010100000100010000', 'hex'), Buffer.alloc(64), Buffer.from('ffd9', 'hex')]),
};
const reasons = {
  crash: 'Making the "crash" crashed (signal 11).',
  hang: 'Making the "hang" took longer than the limit of 2 s.',
  quota: 'The "quota" would be larger than the limit of 1 MiB.',
};

test.each([
  { where: 'one process', distributed: false },
  { where: 'five processes', distributed: true },
])(`poison jobs are set aside after ${attempts} attempts, delay nobody and can be replayed: $where`, { timeout: 180_000 }, async ({ where, distributed }) => {
  const scratch = scratchDirectory();
  const mended = path.join(scratch, 'mended');
  writeFileSync(mended, '');
  const gatehouse = new Gatehouse({ distributed, config: config(mended) });
  try {
    await gatehouse.start();
    gatehouse.addUser('ada');
    const token = await gatehouse.token('ada');
    const names = Object.keys(contents) as (keyof typeof contents)[];
    const poisoned = new Map<string, string>();
    for (const name of names) poisoned.set((await gatehouse.upload(token, `${name}.bin`, contents[name])).id, name);

    // Others pass them by: while the poison is tried again and again, these end at once.
    const began = Date.now();
    for (let i = 0; i < 10; i++) {
      const { id } = await gatehouse.upload(token, `good-${i}.txt`, `good ${i}`);
      expect((await gatehouse.settled(token, id)).state).toBe('processed');
    }
    const took = Date.now() - began;
    expect(took, 'ten good files while poison is about').toBeLessThan(15_000);

    for (const [id, name] of poisoned) {
      const record = await gatehouse.settled(token, id, 90);
      expect(record.state, name).toBe('failed');
      expect(record.reason, name).toContain('after several attempts');
      expect(record.reason, name).toContain(reasons[name as keyof typeof reasons]);
    }
    const letters = () => JSON.parse(gatehouse.command(['dead', 'list', '--json'])).items;
    await expect.poll(() => letters().length, { timeout: 20_000, interval: 500 }).toBe(names.length);
    for (const letter of letters()) {
      expect(poisoned.has(letter.subject)).toBe(true);
      expect(letter.attempts).toBe(attempts);
      expect(letter.reason).toContain(reasons[poisoned.get(letter.subject) as keyof typeof reasons]);
    }

    // Mended: a replay makes the file whole, once.
    writeFileSync(mended, 'yes');
    for (const letter of letters()) gatehouse.command(['dead', 'retry', letter.id]);
    for (const [id, name] of poisoned) {
      await expect.poll(async () => (await gatehouse.json('GET', `/files/${id}`, token)).state, { timeout: 30_000, message: name }).toBe('processed');
      const record = await gatehouse.json('GET', `/files/${id}`, token);
      expect(record.derived.map((file: any) => file.processor)).toEqual([name]);
      expect(record.reason, name).toBeNull();
    }
    expect(letters()).toEqual([]);
    console.log(`${where}: poison jobs set aside ${names.length}, attempts each ${attempts}, ten good files meanwhile in ${took} ms`);
  } finally {
    await gatehouse.stop();
  }
});
