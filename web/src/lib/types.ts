// SPDX-License-Identifier: Apache-2.0
// What the API sends, as far as the console reads it.

export interface User {
  id: string;
  username: string;
  email?: string | null;
  email_verified?: boolean;
  totp_enabled?: boolean;
  roles: string[];
  permissions?: string[];
  disabled?: boolean;
  created_at?: string;
}

export type FileState = 'stored' | 'processing' | 'processed' | 'failed';

export interface FileRecord {
  id: string;
  owner: string;
  name: string;
  type: string;
  size: number;
  sha256: string;
  created_at: string;
  state: FileState;
  reason?: string | null;
  progress?: number; // percent, while processing
  derived_from?: string | null;
  processor?: string | null;
  derived?: FileRecord[];
  trash?: { removed_at: string; removed_by: string; expires_at: string } | null;
}

export interface Usage {
  used_bytes: number;
  trash_bytes: number;
  files: number;
  quota_bytes: number | null; // null: no limit
  trash_seconds: number; // 0: there is no trash
}

export interface FileLink {
  url: string;
  expires_at: string;
}

export interface Page<T> {
  items: T[];
  next: string | null;
}

export interface UserSession {
  id: string;
  current: boolean;
  created_at: string;
  last_used_at: string;
  expires_at: string;
  address: string;
  user_agent: string;
}

export interface Role {
  name: string;
  description: string;
  permissions: string[];
  built_in: boolean;
  created_at?: string | null;
}

export interface AuditRecord {
  number: number;
  at: string;
  type: string;
  actor: string; // user id, "command-line", "gatehouse" or nobody known
  target: string;
  address: string;
  request_id: string;
  details: unknown;
  hash: string;
}

export interface DeadLetter {
  id: string;
  queue: string;
  type: string;
  subject: string;
  attempts: number;
  reason: string;
  failed_at: string;
  event?: unknown; // of one that was asked for alone
}

export interface Mail {
  id: string;
  at: string;
  from: string;
  to: string;
  subject: string;
  text?: string; // of one that was asked for alone
}

export interface ProcessStatus {
  roles: string[];
  reachable: boolean;
  ready: boolean;
  version?: string;
  started_at?: string;
  uptime_seconds?: number;
  checks?: { name: string; passes: boolean; required: boolean }[];
  requests?: {
    answered: number;
    client_errors: number;
    server_errors: number;
    active: number;
    seconds_bounds: number[];
    seconds_counts: number[];
  };
  reason?: string; // why it was not reached
}

export interface Status {
  time: string;
  version: string;
  ready: boolean;
  roles: { name: string; state: 'ready' | 'not_ready' | 'unreachable' | 'unknown' }[];
  processes: ProcessStatus[];
  services: { name: string; endpoints: { name: string; healthy: boolean; active_requests: number; ejections: number }[] }[];
  queues: { name: string; depth: number | null; dead: number | null }[] | null;
  disk: { capacity_bytes: number; available_bytes: number } | null;
  mails?: boolean; // kept for want of a mail server
}

export interface Route {
  name: string;
  configured: boolean; // by the operator; else Gatehouse's own
  hosts?: string[];
  methods: string[]; // none: all
  authentication: string;
  permission: string;
  maintenance?: boolean;
  upstream?: string;
}

export interface Explanation {
  steps: { step: string; outcome: 'passed' | 'refused' | 'reached' | 'not reached'; detail?: string }[];
  route: Route | null;
  other_routes: { route: string; reason: string }[];
  forwarded: { upstream: string; in_process: boolean; method: string; target: string; headers: [string, string][] } | null;
  answer: { status: number; code?: string; detail?: string } | null;
}

export interface SessionInfo {
  user?: User;
  expires_in: number; // seconds until the access token ends
}

// True when the user has the permission: literally, by "admin:*" for all that begin with "admin:", or by "*".
export function may(user: User | null, permission: string): boolean {
  return (user?.permissions ?? []).some(
    (held) => held === permission || (held.endsWith('*') && permission.startsWith(held.slice(0, -1))),
  );
}
