// SPDX-License-Identifier: Apache-2.0
// Memory stays flat whatever the size of a file: upload and download of a large one, and what the idle product takes.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { expect, test } from 'vitest';
import { Gatehouse } from '../support/gatehouse.js';

const mebibytes = Number(process.env.GATEHOUSE_TEST_LARGE_MIB ?? 1024);
const piece = Buffer.alloc(1 << 20);
for (let i = 0; i < piece.length; i++) piece[i] = (i * 2654435761) >>> 13;

function memory(pid: number, field: 'VmHWM' | 'VmRSS'): number {
  const line = new RegExp(`${field}:\\s+(\\d+) kB`).exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(line![1]) / 1024;
}

function upload(gatehouse: Gatehouse, token: string, size: number, hash: ReturnType<typeof createHash>): Promise<any> {
  return new Promise((resolve, reject) => {
    const request = http.request(`${gatehouse.url}/upload?name=large.bin`, { method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/octet-stream', 'content-length': size * piece.length } },
      (answer) => {
        let body = '';
        answer.on('data', (data) => (body += data));
        answer.on('end', () => (answer.statusCode === 201 ? resolve(JSON.parse(body).items[0]) : reject(new Error(`${answer.statusCode} ${body}`))));
      });
    request.on('error', reject);
    let sent = 0;
    const more = () => {
      while (sent < size) {
        piece.writeUInt32LE(sent, 0);
        sent++;
        hash.update(piece);
        if (!request.write(Buffer.from(piece))) return void request.once('drain', more);
      }
      request.end();
    };
    more();
  });
}

function download(gatehouse: Gatehouse, token: string, id: string): Promise<string> {
  return new Promise((resolve, reject) => {
    http.get(`${gatehouse.url}/files/${id}/content`, { headers: { authorization: `Bearer ${token}` } }, (answer) => {
      const hash = createHash('sha256');
      answer.on('data', (data) => hash.update(data));
      answer.on('end', () => resolve(hash.digest('hex')));
      answer.on('error', reject);
    }).on('error', reject);
  });
}

// Of each process, in MiB.
const memories = (gatehouse: Gatehouse, field: 'VmHWM' | 'VmRSS') => new Map(gatehouse.processes.map(({ name, pid }) => [name, memory(pid, field)]));

test.each([
  { where: 'one process', distributed: false, size: mebibytes },
  { where: 'five processes', distributed: true, size: mebibytes / 4 }, // the tests' own MongoDB-protocol server takes its time
])('$size MiB go in and out with flat memory: $where', { timeout: 600_000 }, async ({ where, distributed, size }) => {
  const gatehouse = await new Gatehouse({ distributed }).start();
  try {
    const idle = memories(gatehouse, 'VmRSS');
    gatehouse.addUser('ada');
    const token = await gatehouse.token('ada');

    await upload(gatehouse, token, 64, createHash('sha256'));
    const peakSmall = memories(gatehouse, 'VmHWM');

    const hash = createHash('sha256');
    const record = await upload(gatehouse, token, size, hash);
    const digest = hash.digest('hex');
    expect(record.size).toBe(size * piece.length);
    expect(record.sha256).toBe(digest);
    expect(await download(gatehouse, token, record.id)).toBe(digest);
    const peak = memories(gatehouse, 'VmHWM');
    for (const name of idle.keys())
      console.log(`${where}, ${name}: idle ${idle.get(name)!.toFixed(1)} MiB, peak after 64 MiB ${peakSmall.get(name)!.toFixed(1)} MiB, after ${size} MiB ${peak.get(name)!.toFixed(1)} MiB`);
    for (const name of idle.keys()) {
      expect(idle.get(name), name).toBeLessThan(40);
      expect(peak.get(name), name).toBeLessThan(64);
      expect(peak.get(name)! - peakSmall.get(name)!, name).toBeLessThan(8);
    }
  } finally {
    await gatehouse.stop();
  }
});
