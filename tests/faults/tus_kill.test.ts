// SPDX-License-Identifier: Apache-2.0
// kill -9 at random moments of resumable uploads: no offset that the server named is ever taken back, every file is the
// bytes that were sent, there is exactly one of each, and nothing is left that no record names.
import { createHash, randomInt } from 'node:crypto';
import { createReadStream, existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import http from 'node:http';
import path from 'node:path';
import * as tus from 'tus-js-client';
import { expect, test } from 'vitest';
import { Gatehouse, scratchDirectory } from '../support/gatehouse.js';
import { freePort, sleep } from '../support/process.js';

const kills = Number(process.env.GATEHOUSE_TEST_KILLS ?? 10);
const mebibytes = Number(process.env.GATEHOUSE_TEST_TUS_MIB ?? 64); // of the largest file; 1024 has been run
const piece = 1 << 20;
const base = Buffer.alloc(piece);
for (let i = 0; i < piece; i++) base[i] = (i * 2654435761) >>> 13;

// A file of any size without having it in memory: each MiB differs, and from every other file's.
class Content {
  constructor(readonly seed: number, readonly size: number) {}

  *from(offset: number, end: number): Generator<Buffer> {
    while (offset < end) {
      const n = Math.floor(offset / piece);
      const whole = Buffer.from(base);
      whole.writeUInt32LE(this.seed, 0);
      whole.writeUInt32LE(n, 4);
      whole.writeUInt32LE(this.seed ^ n, piece / 2);
      const slice = whole.subarray(offset - n * piece, Math.min(end - n * piece, piece));
      yield slice;
      offset += slice.length;
    }
  }
  sha256(): string {
    const hash = createHash('sha256');
    for (const part of this.from(0, this.size)) hash.update(part);
    return hash.digest('hex');
  }
}

interface Answer {
  status: number;
  offset: number;
  location: string;
}

class Client {
  token = '';
  constructor(private readonly gatehouse: Gatehouse) {}

  // Rejects when the connection breaks.
  request(method: string, target: string, headers: Record<string, string | number>, body: Iterable<Buffer> = []): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const request = http.request(this.gatehouse.url + target, {
        method, agent: false, headers: { authorization: `Bearer ${this.token}`, 'tus-resumable': '1.0.0', ...headers },
      }, (answer) => {
        answer.resume();
        answer.on('error', reject);
        answer.on('end', () => resolve({ status: answer.statusCode!, offset: Number(answer.headers['upload-offset'] ?? NaN), location: answer.headers.location ?? '' }));
      });
      request.on('error', reject);
      request.setTimeout(60_000, () => request.destroy(new Error('no answer in a minute')));
      const parts = body[Symbol.iterator]();
      const more = () => {
        for (;;) {
          const next = parts.next();
          if (next.done) return void request.end();
          if (!request.write(next.value)) return void request.once('drain', more);
        }
      };
      more();
    });
  }
}

interface Done {
  content: Content;
  path: string;
}

// 401: the port is another after a restart, and with it the issuer, until the test has a new token.
const outages = [401, 423, 502, 503, 504];

// Uploads until it is all there, however often the server goes away.
async function uploadThrough(client: Client, content: Content, statistics: { resumed: number; kept: number }): Promise<Done> {
  let where = '';
  while (where === '') {
    try {
      const made = await client.request('POST', '/uploads/', { 'upload-length': content.size, 'content-length': 0, 'upload-metadata': `filename ${Buffer.from(`${content.seed}.bin`).toString('base64')}` });
      expect([201, ...outages]).toContain(made.status);
      where = made.location;
    } catch (error) {
      if (error instanceof Error && error.name === 'AssertionError') throw error;
    }
    if (where === '') await sleep(50);
  }
  let promised = 0;
  for (;;) {
    try {
      const head = await client.request('HEAD', where, {});
      if (head.status === 200) {
        expect(head.offset, 'an offset was taken back').toBeGreaterThanOrEqual(promised);
        if (head.offset > promised) statistics.kept++;
        promised = head.offset;
        if (promised === content.size) return { content, path: where };
        const end = Math.random() < 0.5 ? content.size : Math.min(content.size, promised + randomInt(1, 6 * piece));
        const answer = await client.request('PATCH', where, { 'upload-offset': promised, 'content-type': 'application/offset+octet-stream', 'content-length': end - promised }, content.from(promised, end));
        expect([204, 409, ...outages]).toContain(answer.status);
        if (answer.status === 204) {
          expect(answer.offset).toBe(end);
          promised = end;
        }
      } else {
        expect(outages).toContain(head.status);
        await sleep(50);
      }
    } catch (error) {
      if (error instanceof Error && error.name === 'AssertionError') throw error;
      statistics.resumed++;
      await sleep(50);
    }
  }
}

function filesBelow(directory: string): string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((name) => statSync(path.join(directory, name)).isFile());
}

async function until(condition: () => Promise<boolean>, what: string, seconds = 60): Promise<void> {
  for (const end = Date.now() + seconds * 1000; !(await condition());) {
    if (Date.now() > end) throw new Error(`${what}: not in ${seconds} s`);
    await sleep(100);
  }
}

async function download(gatehouse: Gatehouse, token: string, id: string): Promise<string> {
  const answer = await gatehouse.request('GET', `/files/${id}/content`, { token });
  expect(answer.status).toBe(200);
  const hash = createHash('sha256');
  for await (const part of answer.body as any) hash.update(part);
  return hash.digest('hex');
}

// What the stores have below the files, by any name.
async function leftovers(gatehouse: Gatehouse, visible: Set<string>): Promise<string[]> {
  if (!gatehouse.distributed) {
    const contents = filesBelow(path.join(gatehouse.data, 'files/content')).map((name) => path.basename(name).split('.')[0]);
    return [...filesBelow(path.join(gatehouse.data, 'files/tmp')), ...contents.filter((id) => !visible.has(id)), ...(contents.length > visible.size ? ['more contents than files'] : [])];
  }
  return await gatehouse.stores!.withMongo(async (client) => {
    const database = client.db(gatehouse.stores!.name);
    const contents = await database.collection('fs.files').find({}, { projection: { 'metadata.id': 1, chunkSize: 1, length: 1 } }).toArray();
    const known = new Map(contents.map((file) => [file._id.toString(), file]));
    const chunks = await database.collection('fs.chunks').find({}, { projection: { files_id: 1, n: 1 } }).toArray();
    const unknown = chunks.filter((chunk) => {
      const file = known.get(chunk.files_id.toString());
      return !file || chunk.n >= Math.ceil(file.length / file.chunkSize);
    });
    const documents = (await database.collection('fs.uploads').countDocuments()) + (await database.collection('fs.upload_log').countDocuments());
    return [...unknown.map((chunk) => `chunk ${chunk.n} of ${chunk.files_id}`), ...(documents > 0 ? [`${documents} documents of uploads`] : [])];
  });
}

test.each([
  { where: 'one process', distributed: false, largest: mebibytes },
  { where: 'two processes of the role, one of which is killed', distributed: true, largest: Math.max(1, mebibytes / 8) }, // the tests' own MongoDB-protocol server takes its time
])(`${kills} kills take nothing back, lose nothing and double nothing: $where`, { timeout: 900_000 }, async ({ where, distributed, largest }) => {
  const gatehouse = new Gatehouse({ distributed, replicas: { files: 2 }, config: 'files: {upload_ttl: 60s, abandoned_after: 2s, unfinished_uploads_max: 10000}\n' });
  await gatehouse.start();
  try {
    gatehouse.addUser('ada');
    const client = new Client(gatehouse);
    client.token = await gatehouse.token('ada');
    const statistics = { resumed: 0, kept: 0 };
    const done: Done[] = [];
    let killing = true;
    let seed = 0;
    const uploader = async (share: number) => {
      do {
        const content = new Content(++seed, Math.max(1, Math.floor(largest * piece * share * (0.5 + Math.random() / 2)) - randomInt(0, 1000)));
        done.push(await uploadThrough(client, content, statistics));
      } while (killing);
    };
    const uploaders = Promise.all([uploader(1), uploader(1 / 4), uploader(1 / 64)]);
    const failed = uploaders.then(() => new Promise<never>(() => {})); // only its failure ends the kills
    for (let round = 0; round < kills; round++) {
      await Promise.race([sleep(randomInt(20, 1200)), failed]);
      const victims = gatehouse.of('files');
      await victims[randomInt(0, victims.length)].end('SIGKILL');
      await gatehouse.start();
      client.token = await gatehouse.token('ada');
    }
    killing = false;
    await uploaders;

    const visible = new Set<string>();
    for (let after: string | null = ''; after !== null;) {
      const page: any = await gatehouse.json('GET', `/files?limit=100${after ? `&cursor=${after}` : ''}`, client.token);
      for (const item of page.items) visible.add(item.id);
      after = page.next;
    }
    expect([...visible].sort()).toEqual(done.map((upload) => upload.path.split('/').pop()).sort());
    for (const { content, path: its } of done) {
      const id = its.split('/').pop()!;
      const record = await gatehouse.settled(client.token, id, 300);
      expect(record).toMatchObject({ name: `${content.seed}.bin`, size: content.size, sha256: content.sha256(), derived: [] });
      expect(await download(gatehouse, client.token, id)).toBe(record.sha256);
    }
    // One whose creation was not answered is known to nobody, and expires.
    await until(async () => (await leftovers(gatehouse, visible)).length === 0, 'sweeping', 150).catch(() => {});
    expect(await leftovers(gatehouse, visible)).toEqual([]);
    const bytes = done.reduce((sum, { content }) => sum + content.size, 0);
    console.log(`${where}: kills ${kills}, uploads ${done.length}, MiB ${(bytes / piece).toFixed(1)}, requests cut ${statistics.resumed}, offsets that had grown ${statistics.kept}, lost 0, double 0`);
  } finally {
    await gatehouse.stop();
  }
});

test.each([
  { where: 'one process', distributed: false, size: mebibytes, joins: kills },
  { where: 'two processes of the role, one of which is killed', distributed: true, size: Math.max(1, mebibytes / 8), joins: Math.ceil(kills / 2) },
])('$joins kills while parts are joined leave one file each: $where', { timeout: 900_000 }, async ({ where, distributed, size, joins }) => {
  const gatehouse = new Gatehouse({ distributed, replicas: { files: 2 }, config: 'files: {upload_ttl: 60s, abandoned_after: 2s, unfinished_uploads_max: 10000}\n' });
  await gatehouse.start();
  try {
    gatehouse.addUser('ada');
    const client = new Client(gatehouse);
    client.token = await gatehouse.token('ada');
    const ids = new Map<string, string>();
    let cut = 0;
    let took = 0; // of a joining that nobody disturbs: the first
    for (let round = 0; round <= joins; round++) {
      const content = new Content(1000 + round, size * piece + randomInt(0, 1000));
      const parts: string[] = [];
      for (let begin = 0; begin < content.size;) {
        const end = Math.min(content.size, begin + Math.ceil(content.size / 3));
        const made = await client.request('POST', '/uploads/', { 'upload-length': end - begin, 'content-length': 0, 'upload-concat': 'partial' });
        expect(made.status).toBe(201);
        const sent = await client.request('PATCH', made.location, { 'upload-offset': 0, 'content-type': 'application/offset+octet-stream', 'content-length': end - begin }, content.from(begin, end));
        expect(sent.status).toBe(204);
        parts.push(made.location);
        begin = end;
      }
      const join = () => client.request('POST', '/uploads/', { 'content-length': 0, 'upload-concat': `final;${parts.join(' ')}`, 'upload-metadata': `filename ${Buffer.from(`${content.seed}.bin`).toString('base64')}` });
      let answer: Answer | null = null;
      const began = Date.now();
      const first = join().then((made) => (answer = made), () => null);
      if (round > 0) {
        await sleep(randomInt(0, Math.ceil(took)));
        const victims = gatehouse.of('files');
        await victims[randomInt(0, victims.length)].end('SIGKILL');
      }
      await first;
      if (answer?.status !== 201) cut++;
      if (round === 0) took = Date.now() - began;
      else {
        await gatehouse.start();
        client.token = await gatehouse.token('ada');
      }
      await until(async () => {
        if (answer?.status === 201) return true;
        answer = await join().catch(() => null);
        if (answer) expect([201, ...outages]).toContain(answer.status);
        return answer?.status === 201;
      }, 'joining', 120);
      expect((await join()).location).toBe(answer!.location);
      ids.set(answer!.location.split('/').pop()!, content.sha256());
    }
    const visible = new Set<string>();
    for (let after: string | null = ''; after !== null;) {
      const page: any = await gatehouse.json('GET', `/files?limit=100${after ? `&cursor=${after}` : ''}`, client.token);
      for (const item of page.items) visible.add(item.id);
      after = page.next;
    }
    expect([...visible].sort()).toEqual([...ids.keys()].sort());
    for (const [id, sha256] of ids) {
      expect(await gatehouse.settled(client.token, id, 300)).toMatchObject({ sha256, derived: [] });
      expect(await download(gatehouse, client.token, id)).toBe(sha256);
    }
    await until(async () => (await leftovers(gatehouse, visible)).length === 0, 'sweeping', 150).catch(() => {});
    expect(await leftovers(gatehouse, visible)).toEqual([]);
    console.log(`${where}: joined ${ids.size} files, kills ${joins}, requests cut by one ${cut}, undisturbed ${took} ms, lost 0, double 0`);
  } finally {
    await gatehouse.stop();
  }
});

async function writeTo(file: string, content: Content): Promise<void> {
  const handle = await open(file, 'w');
  for (const part of content.from(0, content.size)) await handle.write(part);
  await handle.close();
}

// An upload by tus-js-client, which is cut once at a random place by its own side and goes on. The file's id.
function uploadByClient(gatehouse: Gatehouse, token: string, file: string, size: number, chunkSize: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const cutAt = randomInt(0, size + 1);
    let cut = false;
    const upload: tus.Upload = new tus.Upload(createReadStream(file), {
      endpoint: `${gatehouse.url}/uploads/`, chunkSize, headers: { authorization: `Bearer ${token}` }, metadata: { filename: path.basename(file) },
      retryDelays: Array.from({ length: 100 }, () => 200),
      onProgress: (sent) => {
        if (cut || sent < cutAt) return;
        cut = true;
        upload.abort().then(() => upload.start(), reject);
      },
      onError: reject,
      onSuccess: () => resolve(upload.url!.split('/').pop()!),
    });
    upload.start();
  });
}

test.each([
  { where: 'one process', distributed: false, largest: mebibytes },
  { where: 'two processes of the role, one of which is killed', distributed: true, largest: Math.max(1, mebibytes / 8) },
])(`tus-js-client goes on through ${kills} kills: $where`, { timeout: 900_000 }, async ({ where, distributed, largest }) => {
  const gatehouse = new Gatehouse({ distributed, port: await freePort(), replicas: { files: 2 }, config: 'files: {upload_ttl: 60s, abandoned_after: 2s}\n' });
  await gatehouse.start();
  const scratch = scratchDirectory();
  let done = 0;
  let uploading = true;
  const killing = async () => {
    for (; uploading && done < kills; done++) {
      await sleep(randomInt(50, 1000));
      const victims = gatehouse.of('files');
      await victims[randomInt(0, victims.length)].end('SIGKILL');
      await gatehouse.start();
    }
  };
  let killed = Promise.resolve();
  try {
    gatehouse.addUser('ada');
    const token = await gatehouse.token('ada');
    killed = killing();
    const sizes = [0, 1, 3 * piece, Math.floor(largest * piece)];
    const files = new Map<string, Content>();
    for (let i = 0; i < sizes.length || done < kills; i++) {
      const content = new Content(2000 + i, sizes[i] ?? randomInt(0, Math.floor(largest * piece)));
      const file = path.join(scratch, `${content.seed}.bin`);
      await writeTo(file, content);
      files.set(await uploadByClient(gatehouse, token, file, content.size, i % 2 ? Infinity : 4 * piece), content);
      rmSync(file);
    }
    uploading = false;
    await killed;
    for (const [id, content] of files) {
      const record = await gatehouse.settled(token, id, 300);
      expect(record).toMatchObject({ name: `${content.seed}.bin`, size: content.size, sha256: content.sha256() });
      expect(await download(gatehouse, token, id)).toBe(record.sha256);
    }
    const visible = new Set(files.keys());
    await until(async () => (await leftovers(gatehouse, visible)).length === 0, 'sweeping', 150).catch(() => {});
    expect(await leftovers(gatehouse, visible)).toEqual([]);
    const bytes = [...files.values()].reduce((sum, { size }) => sum + size, 0);
    console.log(`${where}: tus-js-client, kills ${done}, uploads ${files.size}, MiB ${(bytes / piece).toFixed(1)}, lost 0`);
  } finally {
    uploading = false;
    await killed.catch(() => {});
    await gatehouse.stop();
    rmSync(scratch, { recursive: true, force: true });
  }
});
