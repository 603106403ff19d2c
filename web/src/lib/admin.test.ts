// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';

import { deadCount, detailsOf, failingChecks, linksOf, readPermissions, sectionsFor, settingsOf, toneOf } from './admin';
import type { AuditRecord, Status, User } from './types';

const user = (...permissions: string[]): User => ({
  id: '1', username: 'ada', email: null, email_verified: false, totp_enabled: false, disabled: false, created_at: '', roles: [], permissions,
});
const record = (details: unknown): AuditRecord => ({
  number: 1, at: '', type: 'x', actor: '', target: '', address: '', request_id: '', details, hash: '',
});

describe('sections', () => {
  test('are those that the user has the permission for', () => {
    expect(sectionsFor(user('admin:*'))).toEqual(['status', 'users', 'sessions', 'roles', 'routes', 'config', 'audit', 'dead']);
    expect(sectionsFor(user('admin:*'), true)).toContain('mails');
    expect(sectionsFor(user('admin:mails', 'admin:users'), true)).toEqual(['users']);
    expect(sectionsFor(user('files:read', 'admin:audit', 'admin:dead'))).toEqual(['audit', 'dead']);
    expect(sectionsFor(user('files:*'))).toEqual([]);
    expect(sectionsFor(null)).toEqual([]);
  });
});

test('addresses are told from the text around them', () => {
  expect(linksOf('Open https://gate.example/console/reset#a-b_c.\nOr (http://x.example/?a=1).')).toEqual([
    'Open ', 'https://gate.example/console/reset#a-b_c', '.\nOr (', 'http://x.example/?a=1', ').',
  ]);
  expect(linksOf('javascript:alert(1) ftp://x <b>')).toHaveLength(1);
});

test('permissions are read however they are separated, each once', () => {
  expect(readPermissions(' orders:read,orders:write\n\norders:read  files:* ')).toEqual(['orders:read', 'orders:write', 'files:*']);
  expect(readPermissions('  ')).toEqual([]);
});

test('details become a line', () => {
  expect(detailsOf(record({ username: 'ada', roles: ['admin', 'user'] }))).toBe('username: ada, roles: admin user');
  expect(detailsOf(record({ first_wrong: 3, more: { a: 1 } }))).toBe('first wrong: 3, more: {"a":1}');
  expect(detailsOf(record({}))).toBe('');
  expect(detailsOf(record(null))).toBe('');
});

test('what somebody should look at stands out', () => {
  expect(toneOf('login.refused')).toBe('danger');
  expect(toneOf('refresh.reused')).toBe('danger');
  expect(toneOf('user.removed')).toBe('warning');
  expect(toneOf('login.accepted')).toBe('quiet');
});

test('failing checks are named once, the required ones first', () => {
  const process = (checks: [string, boolean, boolean][]) => ({
    roles: [], reachable: true, ready: false, checks: checks.map(([name, passes, required]) => ({ name, passes, required })),
  });
  const status: Status = {
    time: '', version: '', ready: false, roles: [], services: [], disk: null, mails: false,
    queues: [{ name: 'worker', depth: 1, dead: 2 }, { name: 'notifier', depth: null, dead: null }],
    processes: [process([['events.store', false, false], ['auth', true, true]]), process([['events.store', false, false], ['files.store', false, true]])],
  };
  expect(failingChecks(status)).toEqual([{ name: 'files.store', required: true }, { name: 'events.store', required: false }]);
  expect(deadCount(status)).toBe(2);
  expect(deadCount({ ...status, queues: null })).toBe(0);
});

test('a configuration becomes a list of settings with their full names', () => {
  expect(settingsOf({ data: 'data', roles: ['all'], gateway: { rate_limit: { per: '1m', requests: 0 }, routes: [{ path: '/a' }], trusted: [] } })).toEqual([
    { section: 'general', key: 'data', value: 'data', block: false },
    { section: 'general', key: 'roles', value: 'all', block: false },
    { section: 'gateway', key: 'gateway.rate_limit.per', value: '1m', block: false },
    { section: 'gateway', key: 'gateway.rate_limit.requests', value: '0', block: false },
    { section: 'gateway', key: 'gateway.routes', value: '[\n  {\n    "path": "/a"\n  }\n]', block: true },
    { section: 'gateway', key: 'gateway.trusted', value: '', block: false },
  ]);
});
