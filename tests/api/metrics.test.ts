// SPDX-License-Identifier: Apache-2.0
// The metrics of a server that has something to tell, and that the pages, the dashboard and the alert rules speak of
// nothing else.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { startEchoService, type Echo } from '../support/echo_service.js';
import { basic, Gatehouse, root } from '../support/gatehouse.js';
import { soundFile } from '../support/media.js';
import { startTraceCollector, type TraceCollector } from '../support/trace_collector.js';

const ours = /\b(?:gatehouse|http_server|http_client|process)_[a-z0-9_]+\b/g;
const documented = path.join(root, 'docs/metrics.md');
const alerts = path.join(root, 'deploy/prometheus/alerts.yaml');
const dashboard = path.join(root, 'deploy/grafana/gatehouse.json');

// Families that a healthy server without these features has no reason to tell.
const elsewhere = new Set(['gatehouse_tls_handshakes_total', 'gatehouse_tls_certificate_expiry_timestamp_seconds']);

interface Family {
  type: string;
  labels: Set<string>;
}

function parse(text: string): Map<string, Family> {
  const families = new Map<string, Family>();
  for (const [, name, type] of text.matchAll(/^# TYPE (\S+) (\S+)$/gm)) families.set(name, { type, labels: new Set() });
  for (const [, sample, labels] of text.matchAll(/^([a-z_0-9]+)(?:\{(.*)\})? \S+$/gm)) {
    const family = families.get(familyOf(sample, families))!;
    for (const [, label] of (labels ?? '').matchAll(/([a-z_]+)="/g)) if (label !== 'le') family.labels.add(label);
  }
  return families;
}

const familyOf = (name: string, families: Map<string, unknown>): string =>
  families.has(name) ? name : name.replace(/_(?:bucket|sum|count)$/, '');

// name -> labels, of docs/metrics.md.
function parsePage(): Map<string, Family> {
  const families = new Map<string, Family>();
  for (const line of readFileSync(documented, 'utf8').split('\n')) {
    const cells = line.split('|').map((cell) => cell.trim());
    if (cells.length < 5 || !cells[1].startsWith('`')) continue;
    const labels = new Set([...cells[3].replace(/: (?:`[^`]*`(?:, )?)+/g, ', ').matchAll(/`([a-z_]+)`/g)].map(([, label]) => label));
    for (const [, name] of cells[1].matchAll(/`([a-z_0-9]+)`/g)) families.set(name, { type: cells[2], labels });
  }
  return families;
}

describe('a server that logged in, stored a file, and passed requests on', () => {
  let gatehouse: Gatehouse;
  let echo: Echo;
  let collector: TraceCollector;
  let told: Map<string, Family>;
  let text = '';

  beforeAll(async () => {
    echo = await startEchoService();
    collector = await startTraceCollector();
    const config = `tracing: {endpoint: "${collector.url}"}\ngateway: {connections_per_address_max: 1000, routes: [{path: /api, upstreams: ["${echo.url}"], authentication: optional}]}\n`;
    gatehouse = await new Gatehouse({ config }).start();
    gatehouse.addUser('ada');
    const token = await gatehouse.token('ada');
    await fetch(`${gatehouse.url}/login`, { method: 'POST', headers: { authorization: basic('ada', 'wrong') } });
    const file = await gatehouse.upload(token, 'tone.wav', soundFile(1).content);
    expect((await gatehouse.settled(token, file.id)).state).toBe('processed');
    for (let i = 0; i < 3; i++) expect((await gatehouse.request('GET', '/api/one', { token })).status).toBe(200);
    await gatehouse.request('GET', '/nothing/here/at/all');
    await gatehouse.request('GET', `/files/${file.id}`, { token });
    await vi.waitUntil(() => collector.spans.length > 0, { timeout: 10_000 });
    const scrape = async () => {
      const texts = await Promise.all(gatehouse.processes.map(async (process) => (await fetch(`${process.opsUrl}/metrics`)).text()));
      return texts.join('');
    };
    await vi.waitUntil(async () => (text = await scrape()).includes('gatehouse_notifier_mails_total'), { timeout: 20_000 });
    told = parse(text);
  });

  afterAll(async () => {
    await gatehouse?.stop();
    await echo?.stop();
    await collector?.stop();
  });

  test('tells all that the page lists, with these labels and types, and nothing else', () => {
    const page = parsePage();
    expect([...told.keys()].filter((name) => !page.has(name)), 'not on the page').toEqual([]);
    expect([...page.keys()].filter((name) => !told.has(name) && !elsewhere.has(name)), 'not told').toEqual([]);
    for (const [name, family] of told) {
      expect(family.type, name).toBe(page.get(name)!.type);
      expect([...page.get(name)!.labels].sort(), name).toEqual(expect.arrayContaining([...family.labels].sort()));
    }
  });

  test('the dashboard and the alert rules use no other names', () => {
    const page = parsePage();
    for (const file of [alerts, dashboard]) {
      const names = new Set([...readFileSync(file, 'utf8').matchAll(ours)].map(([name]) => familyOf(name, page)));
      expect(names.size).toBeGreaterThan(8);
      expect([...names].filter((name) => !page.has(name)), file).toEqual([]);
    }
    const { panels } = JSON.parse(readFileSync(dashboard, 'utf8'));
    for (const panel of panels) for (const target of panel.targets ?? []) expect(target.expr, panel.title).toMatch(ours);
  });

  test('counts by the template of a route and never by what the client sent', () => {
    expect(text).toMatch(/^http_server_request_duration_seconds_count\{http_request_method="GET",http_response_status_code="200",http_route="\/api\/\*",network_protocol_version="1.1",url_scheme="http"\} 3$/m);
    expect(text).toMatch(/http_response_status_code="404",http_route=""/);
    const port = new URL(echo.url).port;
    expect(text).toContain(`http_client_request_duration_seconds_count{server_address="127.0.0.1",server_port="${port}",http_request_method="GET",http_response_status_code="200"} 3\n`);
    expect(text).toContain(`http_client_open_connections{server_address="127.0.0.1",server_port="${port}",http_connection_state="active"} 0\n`);
    expect(text).toContain('http_route="/files/{id}"');
    expect(text).not.toContain('nothing/here');
    expect(text).toMatch(/^gatehouse_auth_logins_total\{outcome="accepted"\} 1$/m);
    expect(text).toMatch(/^gatehouse_auth_logins_total\{outcome="refused"\} 1$/m);
    expect(text).toMatch(/^gatehouse_events_dead_letters\{queue="worker"\} 0$/m);
  });

  test('every metric of the documentation is one that the server has', () => {
    const page = parsePage();
    for (const name of readdirSync(path.join(root, 'docs')).filter((one) => one.endsWith('.md'))) {
      const names = [...readFileSync(path.join(root, 'docs', name), 'utf8').matchAll(/`((?:gatehouse|http_server|http_client)_[a-z0-9_]+)(?:\{[^`]*\})?`/g)].map(([, metric]) => familyOf(metric, page));
      expect(names.filter((metric) => !page.has(metric)), name).toEqual([]);
    }
  });

  test('the alert rules are ones that Prometheus takes', (context) => {
    const result = spawnSync('promtool', ['check', 'rules', alerts], { encoding: 'utf8' });
    if (result.error) context.skip();
    expect(result.stdout + result.stderr).toContain('SUCCESS');
    expect(result.status).toBe(0);
  });
});
