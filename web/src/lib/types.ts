// SPDX-License-Identifier: Apache-2.0
// What the API sends, as docs/openapi.json says it: the types that the TypeScript client generates from it.
import type { components, operations } from '../../../sdk/typescript/src/openapi';

type Schemas = components['schemas'];
type Answer<Name extends keyof operations> = operations[Name]['responses'] extends { 200: { content: { 'application/json': infer Body } } } ? Body : never;

export type User = Schemas['Account'];
export type FileRecord = Schemas['File'];
export type FileState = FileRecord['state'];
export type Usage = Answer<'showUsage'>;
export type UserSession = Schemas['Session'];
export type Role = Schemas['Role'];
export type AuditRecord = Schemas['AuditRecord'];
export type DeadLetter = Schemas['DeadLetter'];
export type Mail = Schemas['Mail'];
export type Status = Schemas['Status'];
export type ProcessStatus = Status['processes'][number];
export type Route = Schemas['Route'];

export interface FileLink {
  url: string;
  expires_at: string;
}

export interface Page<T> {
  items: T[];
  next: string | null;
}

// The document leaves open what is told of a request that is let through, and of one that is not.
export type Explanation = Omit<Schemas['Explanation'], 'forwarded' | 'answer'> & {
  forwarded: { upstream: string; in_process: boolean; method: string; target: string; headers: [string, string][] } | null;
  answer: { status: number; code?: string; detail?: string } | null;
};

export interface SessionInfo {
  expires_in: number; // seconds until the access token ends
}

// True when the user has the permission: literally, by "admin:*" for all that begin with "admin:", or by "*".
export function may(user: User | null, permission: string): boolean {
  return (user?.permissions ?? []).some(
    (held) => held === permission || (held.endsWith('*') && permission.startsWith(held.slice(0, -1))),
  );
}
