// SPDX-License-Identifier: Apache-2.0
// Five processes on real servers while uploads arrive: one of them is killed, or a server is restarted, or its connections
// are cut, again and again. Afterwards nothing is lost, nothing is double, and nothing half-done is left.
import { expect, test } from 'vitest';
import { Gatehouse, roles } from '../support/gatehouse.js';
import { sleep } from '../support/process.js';
import { services } from '../support/servers.js';
import { SmtpSink } from '../support/smtp_sink.js';
import { TcpProxy } from '../support/tcp_proxy.js';
import { Uploads } from '../support/uploads.js';

const rounds = Number(process.env.GATEHOUSE_TEST_ROUNDS ?? 25);
const servers = ['mariadb', 'rabbitmq', 'mongodb'] as const;
const pick = <T>(list: readonly T[]): T => list[Math.floor(Math.random() * list.length)];

test(`${rounds} kills, restarts and cuts lose nothing and double nothing`, { timeout: 1_500_000 }, async () => {
  const sink = await new SmtpSink().open();
  const proxies: Record<string, TcpProxy> = {};
  // A kill uses up a try of the file in hand; here it is never the file's fault, however often it happens.
  const gatehouse = new Gatehouse({
    distributed: true,
    config: `
events: {attempts_max: 100, delay_first: 200ms, delay_max: 2s}
auth: {access_token_ttl: 1h}
files: {abandoned_after: 5s}
notifier: {smtp: {url: '${sink.url}', starttls: false}}
`,
    stores: (stores) => ({
      GATEHOUSE_AUTH__STORE: proxies.mariadb.through(stores.mysql),
      GATEHOUSE_FILES__STORE: proxies.mongodb.through(stores.mongodb),
      GATEHOUSE_EVENTS__STORE: proxies.rabbitmq.through(stores.rabbitmq),
    }),
  });
  const stores = gatehouse.stores!;
  proxies.mariadb = await TcpProxy.to(stores.mysql);
  proxies.mongodb = await TcpProxy.to(stores.mongodb);
  proxies.rabbitmq = await TcpProxy.to(stores.rabbitmq);
  try {
    await gatehouse.start();
    gatehouse.addUser('ada');
    const token = await gatehouse.token('ada');
    const uploads = new Uploads(gatehouse, token);
    const done = { kill: 0, restart: 0, cut: 0 };
    const log: string[] = [];
    for (let round = 0; round < rounds; round++) {
      await sleep(200 + Math.random() * 1500);
      // Restarts take longest, so they are rarest; but there is one of each.
      const action = round < servers.length ? 'restart' : pick(['kill', 'kill', 'kill', 'kill', 'kill', 'cut', 'cut', 'restart'] as const);
      done[action]++;
      if (action === 'kill') {
        const process = gatehouse.of(round % 2 === 0 ? roles[(round / 2) % roles.length] : pick(roles))[0];
        log.push(`kill ${process.name}`);
        await process.end('SIGKILL');
        await sleep(Math.random() * 300);
        await gatehouse.start();
      } else if (action === 'restart') {
        const server = round < servers.length ? servers[round] : pick(servers);
        log.push(`restart ${server}`);
        await services(pick(['stop', 'kill']), server);
        await sleep(Math.random() * 1000);
        await services('start', server);
      } else {
        const server = pick(servers);
        log.push(`cut ${proxies[server].cut()} connections to ${server}`);
      }
    }
    await uploads.stop();
    await Promise.all(gatehouse.processes.map((process) => process.ready(60)));

    const records = await uploads.check(token).catch((error) => {
      error.message += `\n${log.join('\n')}`;
      throw error;
    });
    const failed = records.filter((record) => record.state === 'failed').length;
    // Each end of a file was told once; a repeat has the same Message-ID.
    await expect.poll(() => sink.mails.size, { timeout: 120_000, interval: 500 }).toBe(records.length);
    expect(JSON.parse(gatehouse.command(['dead', 'list', '--json'])).items).toEqual([]);

    // What the sweeper must take away is gone, and every chunk belongs to a file.
    const leftovers = () =>
      stores.withMongo(async (client) => {
        const db = client.db(stores.name);
        const owners = new Set((await db.collection('fs.files').find({}, { projection: { _id: 1 } }).toArray()).map((file) => String(file._id)));
        const chunkOwners = new Set((await db.collection('fs.chunks').find({}, { projection: { files_id: 1 } }).toArray()).map((chunk) => String(chunk.files_id)));
        return { orphans: [...chunkOwners].filter((id) => !owners.has(id)).length, pending: await db.collection('fs.pending').countDocuments() };
      });
    await expect.poll(leftovers, { timeout: 60_000, interval: 1000 }).toEqual({ orphans: 0, pending: 0 });
    console.log(
      `rounds ${rounds} (kills ${done.kill}, restarts ${done.restart}, cuts ${done.cut}), uploads answered 201: ${uploads.accepted.size}, not answered 201: ${uploads.refused}, ` +
        `visible ${records.length}, processed ${records.length - failed}, failed (silent) ${failed}, mails ${sink.mails.size} (repeated with the same Message-ID ${sink.repeats}), ` +
        'lost 0, duplicates 0, orphaned chunks 0');
  } finally {
    await gatehouse.stop();
    for (const proxy of Object.values(proxies)) await proxy.close();
    await sink.close();
  }
});
