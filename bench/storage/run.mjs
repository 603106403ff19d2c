// SPDX-License-Identifier: Apache-2.0
// The same bytes into the same MongoDB server: by the official Node driver's GridFSBucket (majority, journal), and by our
// file store. Rounds alternate; what our store wrote is read back by the driver and its hash compared.
//
//   bench/storage/run [--mib 32] [--rounds 5]     needs GATEHOUSE_TEST_MONGODB (tools/services) and tests/node_modules
//   BUILD=build/dev bench/storage/run             another build directory than build
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { Readable } from 'node:stream';

const root = path.resolve(path.dirname(new URL(import.meta.url).pathname), '../..');
const { MongoClient, GridFSBucket } = createRequire(path.join(root, 'tests/package.json'))('mongodb');
const argument = (name, fallback) => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : Number(process.argv[at + 1]);
};
const mib = argument('mib', 32);
const rounds = argument('rounds', 5);
const build = path.resolve(root, process.env.BUILD ?? 'build');
if (!process.env.GATEHOUSE_TEST_MONGODB) throw new Error('GATEHOUSE_TEST_MONGODB is not set: start tools/services up and read build/services/env');
execFileSync('cmake', ['--build', build, '--target', 'write_files'], { stdio: ['ignore', 'ignore', 'inherit'] });

const url = new URL(process.env.GATEHOUSE_TEST_MONGODB);
url.pathname = `/bench_${randomBytes(6).toString('hex')}`;
const client = new MongoClient(url.href);
await client.connect();
const database = client.db();
const bytes = randomBytes(mib << 20);

async function byDriver() {
  const bucket = new GridFSBucket(database, { bucketName: 'driver', writeConcern: { w: 'majority', journal: true } });
  const pieces = [];
  for (let at = 0; at < bytes.length; at += 65536) pieces.push(bytes.subarray(at, at + 65536));
  const begin = process.hrtime.bigint();
  await pipeline(Readable.from(pieces), bucket.openUploadStream('bench.bin'));
  return Number(process.hrtime.bigint() - begin) / 1e9;
}

async function byStore(sizes) {
  const lines = execFileSync(path.join(build, 'src/files/write_files'), [url.href, ...sizes.map(String)], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  const bucket = new GridFSBucket(database);
  let seconds = 0;
  for (const line of lines.trim().split('\n')) {
    const [id, sha256, took] = line.split(' ');
    const document = await database.collection('fs.files').findOne({ 'metadata.id': id });
    const hash = createHash('sha256');
    for await (const piece of bucket.openDownloadStream(document._id)) hash.update(piece);
    if (hash.digest('hex') !== sha256) throw new Error(`the driver reads other bytes than were written (${document.length})`);
    seconds += Number(took);
  }
  return seconds;
}

const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
try {
  await byStore([0, 1, 261119, 261120, 261121, 5 << 20]); // read back as they should be
  const times = { driver: [], store: [] };
  for (let round = 0; round < rounds; round++) {
    times.driver.push(await byDriver());
    times.store.push(await byStore([mib << 20]));
    for (const name of ['driver', 'fs']) await Promise.all(['chunks', 'files'].map((part) => database.collection(`${name}.${part}`).deleteMany({})));
  }
  const [driver, store] = [mib / median(times.driver), mib / median(times.store)];
  console.log(`driver  ${driver.toFixed(1)} MiB/s (median of ${rounds})`);
  console.log(`store   ${store.toFixed(1)} MiB/s`);
  console.log(`ratio   ${(store / driver).toFixed(2)}`);
} finally {
  await database.dropDatabase();
  await client.close();
}
