// SPDX-License-Identifier: Apache-2.0
// Authenticated proxying side by side: Gatehouse (verifies the token), nginx plain, nginx with auth_request, HAProxy with
// jwt_verify. One worker each, each proxy alone on core 0; back end and load on core 1; everything on loopback, no access
// log anywhere. CPU per request is what the kernel accounts to the proxy's processes, divided by the requests that were
// answered. The proxies take turns in every round, so that a change of the machine's speed meets all of them.
//
//   bench/gateway/run [--seconds 8] [--rounds 3] [--only cached,rate,h2,tls,fresh] [--json]
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { startBackend } from '../support/nginx.mjs';
import { cpuSeconds } from '../support/process.mjs';
import { argument, freePort, quantile, run, scratch } from '../support/program.mjs';
import { h2load, wrk } from './load.mjs';
import { startAuthRequestNginx, startGatehouse, startHaproxy, startPlainNginx } from './proxies.mjs';
import { Issuer, serveKeySets } from './tokens.mjs';

const seconds = argument('seconds', 8);
const rounds = argument('rounds', 3);
const asJson = process.argv.includes('--json');
const only = process.argv.includes('--only') ? process.argv[process.argv.indexOf('--only') + 1].split(',') : null;
const tokenCount = 20_000; // more than Gatehouse remembers
const rate = argument('rate', 4000);

const median = (numbers) => quantile(numbers, 0.5);

async function measure(contender, load) {
  const before = cpuSeconds(contender.proxy.child.pid);
  const result = await load(contender);
  const cpu = cpuSeconds(contender.proxy.child.pid) - before;
  return { ...result, cpuMicros: (cpu / result.requests) * 1e6 };
}

// Contenders take turns; the last one is ours, to which the others are compared.
async function compare(title, contenders, load) {
  const runs = new Map(contenders.map((one) => [one, []]));
  for (const one of contenders) await load(one, 1);
  for (let round = 0; round < rounds; round++)
    for (const one of contenders) runs.get(one).push(await measure(one, (who) => load(who, seconds)));
  const rows = contenders.map((one) => {
    const all = runs.get(one);
    const middle = (of) => median(all.map((result) => result[of]));
    return { name: one.name, ours: one.ours ?? false, cpuMicros: middle('cpuMicros'), perSecond: middle('perSecond'),
      p50Millis: middle('p50Millis'), p99Millis: middle('p99Millis'), cpuMicrosOfRounds: all.map((result) => result.cpuMicros) };
  });
  return { title, rows };
}

function print({ title, rows }) {
  const ours = rows.filter((row) => row.ours);
  const ratios = ours.map((row) => `${row.name} / this, CPU`);
  console.log(`\n${title}\n`);
  console.log(`| proxy | CPU µs/request | requests/s | p99 ms |${ratios.map((text) => ` ${text} |`).join('')}`);
  console.log(`|---|---|---|---|${ratios.map(() => '---|').join('')}`);
  for (const row of rows)
    console.log(`| ${row.name} | ${row.cpuMicros.toFixed(1)} | ${row.perSecond.toFixed(0)} | ${row.p99Millis.toFixed(2)} |` +
      ours.map((one) => ` ${(one.cpuMicros / row.cpuMicros).toFixed(2)} |`).join(''));
}

function rawVerify(issuers) {
  const program = path.join(scratch, 'raw_verify');
  const source = path.join(import.meta.dirname, 'raw_verify.cpp');
  execFileSync('c++', ['-O2', '-std=c++20', source, '-o', program, '-lcrypto']);
  return issuers.map((issuer) => ({ algorithm: issuer.algorithm, cpuMicros: median(Array.from({ length: rounds }, () =>
    Number(execFileSync('taskset', ['-c', '0', program, issuer.algorithm, issuer.pem, issuer.tokens, '1'], { encoding: 'utf8' })))) }));
}

await run('gateway', async () => {
  const [rs256, es256, eddsa] = ['RS256', 'ES256', 'EdDSA'].map((algorithm) => new Issuer(algorithm));
  const backend = await freePort();
  startBackend(1, backend);
  const wanted = (series) => !only || only.includes(series);
  const results = [];
  const report = (result) => {
    results.push(result);
    if (!asJson) print(result);
  };

  const nginx = await startPlainNginx(backend);
  const haproxyEs256 = await startHaproxy(backend, es256);
  const gatehouse = await startGatehouse('gatehouse', backend);
  const peer = (proxy) => ({ name: proxy.name, proxy, target: proxy });
  const ours = { name: 'Gatehouse', proxy: gatehouse, target: gatehouse, ours: true };

  if (wanted('cached')) {
    const contenders = [peer(nginx), peer(await startAuthRequestNginx(backend)), peer(await startHaproxy(backend, rs256)),
      peer(haproxyEs256), ours];
    for (const connections of [64, 1000])
      report(await compare(`The same token again and again, ${connections} connections`, contenders,
        (one, length = seconds) => wrk(one.target, connections, length)));
  }
  if (wanted('rate'))
    report(await compare(`${rate} requests/s, 64 connections`, [peer(nginx), ours],
      (one, length = seconds) => h2load(one.target, 64, length, { rate })));
  if (wanted('h2'))
    report(await compare('HTTP/2 without TLS, 16 connections with 8 requests at once', [peer(nginx), ours],
      (one, length = seconds) => h2load({ ...one.target, url: one.target.http2Url }, 16, length, { protocol: 'h2', streams: 8 })));

  if (wanted('tls')) {
    const secured = (one) => ({ ...one.target, url: one.target.tlsUrl });
    report(await compare('TLS, 64 connections', [peer(nginx), ours], (one, length = seconds) => wrk(secured(one), 64, length)));
    report(await compare('HTTP/2 over TLS, 16 connections with 8 requests at once', [peer(nginx), ours],
      (one, length = seconds) => h2load(secured(one), 16, length, { protocol: 'h2', streams: 8 })));
  }

  let raw = [];
  if (wanted('fresh')) {
    const issuers = [es256, eddsa];
    for (const issuer of issuers) issuer.tokens = issuer.file(tokenCount);
    const keySetPort = await freePort();
    serveKeySets(issuers, keySetPort);
    const verifier = await startGatehouse('verifier', backend, issuers, keySetPort);
    const bearing = (issuer, proxy) => ({ url: proxy.url, tokens: issuer.tokens });
    report(await compare('Every request with a token not seen before, 64 connections', [
      { name: haproxyEs256.name, proxy: haproxyEs256, target: bearing(es256, haproxyEs256) },
      { name: 'Gatehouse, ES256', proxy: verifier, target: bearing(es256, verifier), ours: true },
      { name: 'Gatehouse, EdDSA', proxy: verifier, target: bearing(eddsa, verifier), ours: true },
    ], (one, length = seconds) => wrk(one.target, 64, length)));
    raw = rawVerify(issuers);
    if (!asJson)
      for (const row of raw) console.log(`OpenSSL alone, ${row.algorithm}: ${row.cpuMicros.toFixed(1)} µs for a verification`);
  }
  if (asJson) console.log(JSON.stringify({ seconds, rounds, results, raw }, null, 2));
  return 0;
});
