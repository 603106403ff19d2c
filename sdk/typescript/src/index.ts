// SPDX-License-Identifier: Apache-2.0
export { Gatehouse, type ClientOptions, type SendOptions } from './client.js';
export type { DownloadOptions } from './downloads.js';
export { ConnectionError, DeadlineError, GatehouseError, ProblemError, UploadError, type Problem, type ProblemCode } from './errors.js';
export type { EventOptions, FileEvent } from './events.js';
export type { Files, Link, ListQuery } from './files.js';
export type { components, operations, paths } from './openapi.js';
export { MemoryTokenStorage, type Credentials, type Identity, type StoredTokens, type TokenStorage } from './session.js';
export type { Body, Query } from './transport.js';
export type { CallOptions, FilePage, FileRecord, Method, PathOf, RequestOptions, Result, Schemas } from './types.js';
export type { UploadOptions, UploadSource } from './uploads.js';
