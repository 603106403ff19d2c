// SPDX-License-Identifier: Apache-2.0
// Resumable uploads as the clients of others make them (tus-js-client), and as plain requests; on whichever stores the
// environment says, with two processes of the role when they are distributed.
import { createHash, randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import * as tus from 'tus-js-client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { distributed, Gatehouse } from '../support/gatehouse.js';
import { sleep } from '../support/process.js';
import { RawUpload, sha256 } from '../support/tus.js';

const replicas = { files: 2, gateway: 2 };
const gatehouse = new Gatehouse({ replicas });
let token: string;
let eve: string;

beforeAll(async () => {
  await gatehouse.start();
  for (const name of ['ada', 'eve']) gatehouse.addUser(name);
  token = await gatehouse.token('ada');
  eve = await gatehouse.token('eve');
});
afterAll(() => gatehouse.stop());

interface Made {
  id: string;
  upload: tus.Upload;
}

// Runs an upload of the client to its end.
function run(content: Buffer | Readable, options: Partial<tus.UploadOptions> = {}): Promise<Made> {
  return new Promise((resolve, reject) => {
    const upload: tus.Upload = new tus.Upload(content, {
      endpoint: `${gatehouse.url}/uploads/`,
      headers: { authorization: `Bearer ${token}` },
      metadata: { filename: 'naïve.bin', filetype: 'text/html' },
      retryDelays: [0, 200, 500, 1000, 2000],
      ...options,
      onError: reject,
      onSuccess: () => resolve({ id: upload.url!.split('/').pop()!, upload }),
    });
    upload.start();
  });
}

async function expectFile(id: string, content: Buffer): Promise<void> {
  const record = await gatehouse.json('GET', `/files/${id}`, token);
  expect(record).toMatchObject({ id, size: content.length, sha256: sha256(content) });
  const answer = await gatehouse.request('GET', `/files/${id}/content`, { token });
  expect(sha256(Buffer.from(await answer.arrayBuffer()))).toBe(record.sha256);
}

const raw = (options: Partial<ConstructorParameters<typeof RawUpload>[2]> = {}) => new RawUpload(gatehouse, token, options);

describe('tus-js-client', () => {
  test.each([
    ['nothing', 0, undefined],
    ['a few bytes', 11, undefined],
    ['20 MiB in chunks', 20 << 20, 3_000_000],
    ['20 MiB at once', 20 << 20, undefined],
  ])('%s', async (_, size, chunkSize) => {
    const content = randomBytes(size);
    const { id } = await run(content, chunkSize ? { chunkSize } : {});
    await expectFile(id, content);
    const record = await gatehouse.settled(token, id);
    expect(record).toMatchObject({ name: 'naïve.bin', state: 'processed' });
    expect(record.type).not.toBe('text/html');
  });

  test.each([[2, 5 << 20], [3, 9_000_001], [5, 1 << 20]])('%i parts at once', async (parallelUploads, size) => {
    const content = randomBytes(size);
    const { id } = await run(content, { parallelUploads });
    await expectFile(id, content);
    expect(await gatehouse.settled(token, id)).toMatchObject({ name: 'naïve.bin', state: 'processed' });
  });

  test('the first bytes with the creation', async () => {
    const content = randomBytes(5 << 20);
    const { id } = await run(content, { uploadDataDuringCreation: true, chunkSize: 2 << 20 });
    await expectFile(id, content);
  });

  test('a stream whose length is told at its end', async () => {
    const content = randomBytes(7_000_000);
    const pieces = Array.from({ length: 70 }, (_, i) => content.subarray(i * 100_000, (i + 1) * 100_000));
    const { id } = await run(Readable.from(pieces, { objectMode: false }), { uploadLengthDeferred: true, chunkSize: 1 << 20 });
    await expectFile(id, content);
  });

  test('aborted in the middle, and resumed', async () => {
    const content = randomBytes(24 << 20);
    let url = '';
    await new Promise<void>((resolve, reject) => {
      const upload = new tus.Upload(content, {
        endpoint: `${gatehouse.url}/uploads/`,
        headers: { authorization: `Bearer ${token}` },
        chunkSize: 4 << 20,
        onError: reject,
        onChunkComplete: (_size, accepted) => {
          if (accepted < 8 << 20) return;
          url = upload.url!;
          upload.abort().then(resolve, reject);
        },
      });
      upload.start();
    });
    const begun: number[] = [];
    const { id } = await run(content, { uploadUrl: url, endpoint: undefined, chunkSize: 4 << 20, onProgress: (sent) => begun.push(sent) });
    expect(url.endsWith(id)).toBe(true);
    expect(begun[0]).toBeGreaterThanOrEqual(8 << 20);
    await expectFile(id, content);
  });

  test('terminated', async () => {
    const upload = raw();
    await upload.create(10);
    await upload.patch(0, Buffer.from('01234'));
    await tus.Upload.terminate(gatehouse.url + upload.path, { headers: { authorization: `Bearer ${token}` } } as tus.UploadOptions);
    expect((await upload.head()).status).toBe(404);
  });
});

describe('plain requests', () => {
  test('what the server can do is told to anybody, the rest is for its owner', async () => {
    const answer = await gatehouse.request('OPTIONS', '/uploads/');
    expect(answer.status).toBe(204);
    expect(answer.headers.get('tus-version')).toBe('1.0.0');
    expect(answer.headers.get('tus-max-size')).toBe(String(16 * 2 ** 30));
    const upload = raw();
    await upload.create(5);
    const others = new RawUpload(gatehouse, eve, {});
    others.path = upload.path;
    expect((await others.head()).status).toBe(404);
    expect((await others.patch(0, Buffer.from('hello'))).status).toBe(404);
    expect((await others.remove()).status).toBe(404);
    expect((await gatehouse.request('HEAD', upload.path, { headers: { 'tus-resumable': '1.0.0' } })).status).toBe(401);
    expect((await gatehouse.request('HEAD', upload.path, { token })).status).toBe(412);
    expect((await upload.head()).headers.get('upload-offset')).toBe('0');
  });

  test('a wrong checksum keeps the offset', async () => {
    const content = randomBytes(6_000_000);
    const upload = raw();
    await upload.create(content.length);
    const half = content.subarray(0, 3_000_000);
    const digest = (bytes: Buffer) => `sha1 ${createHash('sha1').update(bytes).digest('base64')}`;
    expect((await upload.patch(0, half, { 'upload-checksum': digest(half) })).status).toBe(204);
    const rest = content.subarray(3_000_000);
    const damaged = Buffer.from(rest);
    damaged[2_999_999] ^= 1;
    const answer = await upload.patch(3_000_000, damaged, { 'upload-checksum': digest(rest) });
    expect(answer.status).toBe(460);
    expect(((await answer.json()) as any).code).toBe('checksum_mismatch');
    expect(await upload.offset()).toBe(3_000_000);
    expect((await upload.patch(3_000_000, rest, { 'upload-checksum': digest(rest) })).status).toBe(204);
    await expectFile(upload.id, content);
  });

  test('what arrived before the connection broke is kept', async () => {
    const content = randomBytes(10_000_000);
    const upload = raw();
    await upload.create(content.length);
    await upload.sendAndBreak(0, content.subarray(0, 7_654_321), content.length);
    const offset = await upload.offsetOnceBeyond(0);
    expect(offset).toBeLessThanOrEqual(7_654_321);
    expect((await upload.patchUntilTaken(content)).status).toBe(204);
    await expectFile(upload.id, content);
  });

  test('two clients that write at once never mix, whichever process they meet', async () => {
    for (let round = 0; round < 5; round++) {
      const content = randomBytes(4_000_000);
      const upload = raw();
      await upload.create(content.length);
      const statuses: number[] = [];
      // Each asks where to go on and sends the next piece, of another size than the other's.
      const client = async (gateway: number, size: number) => {
        for (;;) {
          const head = await upload.head(gateway);
          if (head.status === 423) continue;
          expect(head.status).toBe(200);
          const offset = Number(head.headers.get('upload-offset'));
          if (offset === content.length) return;
          const answer = await upload.patch(offset, content.subarray(offset, offset + size), {}, gateway);
          statuses.push(answer.status);
        }
      };
      await Promise.all([client(0, 300_000), client(distributed ? 1 : 0, 470_001)]);
      expect(statuses.filter((status) => ![204, 409, 423].includes(status))).toEqual([]);
      await expectFile(upload.id, content);
    }
    const list = await gatehouse.json('GET', '/files?limit=100', token);
    expect(new Set(list.items.map((item: any) => item.id)).size).toBe(list.items.length);
  });

  test('the console\'s cookie does, from our own pages alone', async () => {
    const headers = { cookie: `__Host-gatehouse=${token}`, 'tus-resumable': '1.0.0', 'upload-length': '0' };
    const from = async (site: string) => (await gatehouse.request('POST', '/uploads/', { headers: { ...headers, 'sec-fetch-site': site } })).status;
    expect(await from('cross-site')).toBe(403);
    expect(await from('same-origin')).toBe(201);
  });
});

test('an upload that nobody continues expires and goes with its content', async () => {
  const hasty = new Gatehouse({ config: 'files: {upload_ttl: 2s, upload_bytes_max: 1MiB, unfinished_uploads_max: 2}\n' });
  await hasty.start();
  try {
    hasty.addUser('ada');
    const its = await hasty.token('ada');
    const upload = new RawUpload(hasty, its, {});
    await upload.create(1_000_000);
    expect((await upload.patch(0, randomBytes(600_000))).status).toBe(204);
    expect(new Date((await upload.head()).headers.get('upload-expires')!).getTime()).toBeLessThan(Date.now() + 3_000);
    const second = new RawUpload(hasty, its, {});
    await second.create(1);
    expect((await new RawUpload(hasty, its, {}).begin({ 'upload-length': '1' })).status).toBe(409);
    const large = await new RawUpload(hasty, its, {}).begin({ 'upload-length': String(2 ** 20 + 1) });
    expect(large.status).toBe(413);
    expect(large.headers.get('tus-max-size')).toBe(String(2 ** 20));
    const end = Date.now() + 20_000;
    while ((await upload.head()).status !== 404) {
      expect(Date.now()).toBeLessThan(end);
      await sleep(100);
    }
    const contents = async () => {
      if (!hasty.distributed) return readdirSync(path.join(hasty.data, 'files/tmp')).length;
      return await hasty.stores!.withMongo(async (client) => await client.db(hasty.stores!.name).collection('fs.chunks').countDocuments());
    };
    while ((await contents()) > 0) {
      expect(Date.now()).toBeLessThan(end);
      await sleep(100);
    }
    // Swept is also what the limit counts.
    while ((await new RawUpload(hasty, its, {}).begin({ 'upload-length': '1' })).status !== 201) {
      expect(Date.now()).toBeLessThan(end);
      await sleep(100);
    }
  } finally {
    await hasty.stop();
  }
});
