// SPDX-License-Identifier: Apache-2.0
// The administrator's side as data: which sections there are and whom they are for, and what the views make of answers.
import { may, type AuditRecord, type Status, type User } from './types';

export const adminViews = ['status', 'users', 'sessions', 'roles', 'routes', 'config', 'audit', 'mails', 'dead'] as const;
export type AdminView = (typeof adminViews)[number];

export const permissions: Record<AdminView, string> = {
  status: 'admin:status',
  users: 'admin:users',
  sessions: 'admin:sessions',
  roles: 'admin:roles',
  routes: 'admin:routes',
  config: 'admin:config',
  audit: 'admin:audit',
  mails: 'admin:*', // they hold links that set passwords
  dead: 'admin:dead',
};

export function isAdminView(view: string): view is AdminView {
  return (adminViews as readonly string[]).includes(view);
}

// `mailsKept`: there is no mail server, and mails are read here.
export function sectionsFor(user: User | null, mailsKept = false): AdminView[] {
  return adminViews.filter((view) => may(user, permissions[view]) && (view !== 'mails' || mailsKept));
}

// A text with its web addresses apart: odd parts are addresses.
export function linksOf(text: string): string[] {
  return text.split(/(https?:\/\/[^\s<>"']*[^\s<>"'.,;:!?)])/);
}

// "orders:read, orders:*" or one a line: what was typed as a list, each once.
export function readPermissions(text: string): string[] {
  return [...new Set(text.split(/[\s,]+/).filter((word) => word !== ''))];
}

// The details of a record in a line: "username: ada, roles: admin user".
export function detailsOf(record: AuditRecord): string {
  const details = record.details;
  if (details === null || typeof details !== 'object') return String(details ?? '');
  return Object.entries(details)
    .map(([key, value]) => `${key.replaceAll('_', ' ')}: ${Array.isArray(value) ? value.join(' ') : typeof value === 'object' ? JSON.stringify(value) : String(value)}`)
    .join(', ');
}

export type Tone = 'good' | 'warning' | 'danger' | 'quiet';

// "login.refused" wants a look, "user.created" does not.
export function toneOf(type: string): Tone {
  if (/refused|throttled|reused|dropped/.test(type)) return 'danger';
  if (/removed|disabled|ended|roles_changed|role\.changed/.test(type)) return 'warning';
  return 'quiet';
}

// What keeps a process from its work: the checks that fail, the required ones first.
export function failingChecks(status: Status): { name: string; required: boolean }[] {
  const failing = status.processes.flatMap((process) => (process.checks ?? []).filter((check) => !check.passes));
  const names = new Map<string, boolean>();
  for (const check of failing) names.set(check.name, check.required || (names.get(check.name) ?? false));
  return [...names].map(([name, required]) => ({ name, required })).sort((a, b) => Number(b.required) - Number(a.required));
}

export function deadCount(status: Status): number {
  return (status.queues ?? []).reduce((sum, queue) => sum + (queue.dead ?? 0), 0);
}

export interface Setting {
  section: string; // "gateway"; of what has no section: "general"
  key: string; // in full: "gateway.rate_limit.per"
  value: string;
  block: boolean; // several lines
}

// The configuration as a list: tables become dotted names, lists of plain values a line, lists of tables a block.
export function settingsOf(config: Record<string, unknown>): Setting[] {
  const settings: Setting[] = [];
  const add = (section: string, key: string, value: unknown): void => {
    if (Array.isArray(value)) {
      const block = value.some((item) => item !== null && typeof item === 'object');
      settings.push({ section, key, value: block ? JSON.stringify(value, null, 2) : value.join(', '), block });
    } else if (value !== null && typeof value === 'object') {
      for (const [name, member] of Object.entries(value)) add(section, `${key}.${name}`, member);
    } else {
      settings.push({ section, key, value: String(value ?? ''), block: false });
    }
  };
  for (const [name, value] of Object.entries(config)) {
    const table = value !== null && typeof value === 'object' && !Array.isArray(value);
    add(table ? name : 'general', name, value);
  }
  return settings;
}
