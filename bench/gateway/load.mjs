// SPDX-License-Identifier: Apache-2.0
// Load from core 1: wrk as fast as the proxy answers, h2load at a given rate or over HTTP/2. Each says how many requests
// were answered; any answer but 200 is an error.
import { spawn } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { quantile, scratch } from '../support/program.mjs';

function output(command, args) {
  return new Promise((resolve, reject) => {
    const child = spawn('taskset', ['-c', '1', command, ...args]);
    let text = '';
    child.stdout.on('data', (data) => { text += data; });
    child.stderr.on('data', (data) => { text += data; });
    child.on('error', reject);
    child.on('close', (code) => (code === 0 ? resolve(text) : reject(new Error(text))));
  });
}

const millisOf = (text) => {
  const [, number, unit] = /([\d.]+)(us|ms|s)/.exec(text);
  return Number(number) * { us: 0.001, ms: 1, s: 1000 }[unit];
};

// `target`: {url, headers, tokens}; with `tokens` each request bears another one of that file.
export async function wrk(target, connections, seconds) {
  const headers = Object.entries(target.headers ?? {}).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
  const script = target.tokens ? ['-s', path.join(import.meta.dirname, 'cycle.lua')] : [];
  const text = await output('wrk', ['-t1', `-c${connections}`, `-d${seconds}s`, '--latency', ...headers, ...script,
    target.url, ...(target.tokens ? [target.tokens] : [])]);
  if (/Non-2xx/.test(text)) throw new Error(`${target.url} refused requests:\n${text}`);
  return { requests: Number(/(\d+) requests in/.exec(text)[1]), perSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(text)[1]),
    p99Millis: millisOf(/^\s+99%\s+(\S+)/m.exec(text)[1]) };
}

// `options`: protocol 'h1' or 'h2'; rate: requests in a second of all connections together, else as many as can be;
// streams: at once on each connection.
export async function h2load(target, connections, seconds, { protocol = 'h1', rate, streams = 1 } = {}) {
  const log = path.join(scratch, 'h2load.log');
  rmSync(log, { force: true });
  const headers = Object.entries(target.headers ?? {}).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
  const text = await output('h2load', [...(protocol === 'h1' ? ['--h1'] : []), '-t1', `-c${connections}`, `-m${streams}`,
    `-D${seconds}`, `--log-file=${log}`, ...(rate ? [`--rps=${rate / connections}`] : []), ...headers, target.url]);
  const [, done, good] = /requests: \d+ total, \d+ started, (\d+) done, (\d+) succeeded/.exec(text);
  if (Number(good) < Number(done) || Number(done) === 0) throw new Error(`${target.url} refused requests:\n${text}`);
  const micros = readFileSync(log, 'utf8').trim().split('\n').map((line) => Number(line.split('\t')[2]));
  return { requests: Number(done), perSecond: Number(done) / seconds, p50Millis: quantile(micros, 0.5) / 1000,
    p99Millis: quantile(micros, 0.99) / 1000 };
}
