// SPDX-License-Identifier: Apache-2.0
// The server's description of its API (/openapi.json) as the reference shows it: operations by their section, types in words,
// fields in rows, and a request that can be copied.

export interface Schema {
  $ref?: string;
  title?: string;
  type?: string | string[];
  format?: string;
  description?: string;
  const?: unknown;
  enum?: unknown[];
  default?: unknown;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  additionalProperties?: boolean | Schema;
  oneOf?: Schema[];
  anyOf?: Schema[];
  allOf?: Schema[];
  [bound: string]: unknown;
}

interface Reference {
  $ref?: string;
}
interface Content {
  schema?: Schema;
}
export interface Parameter {
  name: string;
  in: 'path' | 'query' | 'header' | 'cookie';
  description?: string;
  required?: boolean;
  deprecated?: boolean;
  schema?: Schema;
}
interface Body extends Reference {
  required?: boolean;
  content?: Record<string, Content>;
}
interface Answer extends Reference {
  description: string;
  content?: Record<string, Content>;
  headers?: Record<string, { description?: string }>;
}
interface RawOperation {
  tags: string[];
  summary: string;
  description?: string;
  parameters?: (Parameter & Reference)[];
  requestBody?: Body;
  responses: Record<string, Answer>;
  security?: Record<string, string[]>[];
}
export interface Document {
  info: { title: string; version: string; description?: string };
  tags: { name: string; description?: string }[];
  paths: Record<string, Record<string, RawOperation>>;
  components: { schemas: Record<string, Schema> } & Record<string, unknown>;
}

export interface Operation {
  id: string; // what stands behind # in its address: "post-admin-users"
  method: string;
  path: string;
  summary: string;
  description: string;
  access: Access[];
  parameters: Parameter[];
  bodies: { type: string; schema: Schema; required: boolean }[];
  answers: { status: string; description: string; content: { type: string; schema: Schema }[]; headers: string[] }[];
  problems: { status: string; description: string }[];
}
export interface Section {
  name: string;
  description: string;
  operations: Operation[];
}
export type Access = 'bearer' | 'basic' | 'cookie' | 'nobody';

export interface Field {
  name: string; // of a field of an object inside: "user.id", of one in a list: "items[].id"
  schema: Schema;
  required: boolean;
}

// What a reference stands for; everything else as it is.
export function resolve<T extends Reference>(document: Document, node: T): T {
  let found: unknown = node;
  for (let depth = 0; depth < 8; depth++) {
    const reference = (found as Reference).$ref;
    if (reference === undefined) break;
    found = reference
      .replace(/^#\//, '')
      .split('/')
      .reduce<unknown>((part, name) => (part as Record<string, unknown>)[name], document);
  }
  return found as T;
}

export const nameOf = (schema: Schema): string => schema.$ref?.split('/').at(-1) ?? '';

export function anchorOf(method: string, path: string): string {
  return `${method}-${path.replace(/(.)\/$/, '$1/slash')}`
    .toLowerCase()
    .replace(/[^a-z0-9.]+/g, '-')
    .replace(/-+$/, '');
}

export function sectionsOf(document: Document): Section[] {
  const sections = document.tags.map((tag) => ({ name: tag.name, description: tag.description ?? '', operations: [] as Operation[] }));
  for (const [path, methods] of Object.entries(document.paths))
    for (const [method, raw] of Object.entries(methods))
      sections.find((section) => section.name === raw.tags[0])?.operations.push(operationOf(document, method.toUpperCase(), path, raw));
  return sections.filter((section) => section.operations.length > 0);
}

function operationOf(document: Document, method: string, path: string, raw: RawOperation): Operation {
  const operation: Operation = {
    id: anchorOf(method, path),
    method,
    path,
    summary: raw.summary,
    description: raw.description ?? '',
    access: [...new Set((raw.security ?? []).flatMap((way) => (Object.keys(way).length === 0 ? ['nobody'] : Object.keys(way))))] as Access[],
    parameters: (raw.parameters ?? []).map((parameter) => resolve(document, parameter)),
    bodies: [],
    answers: [],
    problems: [],
  };
  if (operation.access.length === 0) operation.access.push('nobody');
  if (raw.requestBody) {
    const body = resolve(document, raw.requestBody);
    operation.bodies = contentOf(body.content).map((one) => ({ ...one, required: body.required === true }));
  }
  for (const [status, given] of Object.entries(raw.responses)) {
    if (status === 'default') continue; // any other problem, of every operation
    const { description, content, headers } = resolve(document, given);
    const types = Object.keys(content ?? {});
    if (types.length === 1 && types[0] === 'application/problem+json')
      operation.problems.push({ status, description: description.replaceAll('` or `', '`, `').replace(/\.$/, '') });
    else operation.answers.push({ status, description, content: contentOf(content), headers: Object.keys(headers ?? {}) });
  }
  return operation;
}

function contentOf(content: Record<string, Content> = {}): { type: string; schema: Schema }[] {
  return Object.entries(content).map(([type, given]) => ({ type, schema: given.schema ?? {} }));
}

// A type in words, with the names of schemas as `ref`: "list of", then "File".
export type Words = { text: string; ref?: boolean }[];

export function typeOf(schema: Schema): Words {
  if (schema.$ref !== undefined) return [{ text: nameOf(schema), ref: true }];
  if (schema.const !== undefined) return [{ text: literal(schema.const) }];
  if (schema.enum) return [{ text: schema.enum.map(literal).join(', ') }];
  const options = schema.oneOf ?? schema.anyOf;
  if (options) return options.every((one) => one.const !== undefined) ? [{ text: options.map((one) => literal(one.const)).join(', ') }] : joined(options.map(typeOf), ' or ');
  if (schema.allOf) return joined(schema.allOf.map(typeOf), ' and ');
  const kinds = schema.type === undefined ? ['anything'] : [schema.type].flat();
  return joined(
    kinds.map((kind): Words => {
      if (kind === 'array') return [{ text: 'list of ' }, ...typeOf(schema.items ?? {})];
      if (kind === 'object' && typeof schema.additionalProperties === 'object') return [{ text: 'object of ' }, ...typeOf(schema.additionalProperties)];
      return [{ text: kind === 'string' && schema.format !== undefined ? `string (${schema.format})` : kind }];
    }),
    ' or ',
  );
}

function joined(parts: Words[], between: string): Words {
  return parts.flatMap((part, i) => (i === 0 ? part : [{ text: between }, ...part]));
}

function literal(value: unknown): string {
  return typeof value === 'string' ? `“${value}”` : JSON.stringify(value);
}

const bounds: [string, (value: string) => string][] = [
  ['minimum', (value) => `at least ${value}`],
  ['maximum', (value) => `at most ${value}`],
  ['minLength', (value) => `at least ${value} characters`],
  ['maxLength', (value) => `at most ${value} characters`],
  ['minItems', (value) => `at least ${value} items`],
  ['maxItems', (value) => `at most ${value} items`],
  ['pattern', (value) => `matches ${value}`],
  ['default', (value) => `default ${value}`],
];

// The description and the bounds.
export function meaningOf(schema: Schema, description = schema.description ?? ''): string {
  const limits = bounds.filter(([key]) => schema[key] !== undefined).map(([key, say]) => say(`\`${String(schema[key])}\``));
  return [description, ...limits]
    .filter((part) => part !== '')
    .map((part, i, all) => (i + 1 < all.length ? part.replace(/\.$/, '') : part))
    .join('; ');
}

// The fields of an object and of objects inside of it that have no name of their own.
export function fieldsOf(document: Document, schema: Schema, prefix = ''): Field[] {
  const fields = (schema.allOf ?? []).flatMap((part) => fieldsOf(document, resolve(document, part), prefix));
  for (const [name, given] of Object.entries(schema.properties ?? {})) {
    fields.push({ name: prefix + name, schema: given, required: schema.required?.includes(name) ?? false });
    const list = given.type === 'array' && given.items !== undefined;
    const inner = list ? given.items! : given;
    if (inner.$ref === undefined) fields.push(...fieldsOf(document, inner, `${prefix}${name}${list ? '[]' : ''}.`));
  }
  return fields;
}

const samples: Record<string, unknown> = {
  username: 'ada', email: 'ada@example.com', password: 'correct horse battery staple', current_password: 'correct horse battery staple',
  new_password: 'another good pass phrase', otp: '123456', name: 'editor', role: 'editor', expires_in: 86400,
};

const sample_depth = 4; // a file has files that were made from it

// A value that the schema takes.
export function sampleOf(document: Document, given: Schema, name = '', depth = 0): unknown {
  const schema = resolve(document, given);
  if (schema.const !== undefined) return schema.const;
  if (schema.default !== undefined) return schema.default;
  if (schema.enum) return schema.enum[0];
  const kind = [schema.type].flat().find((one) => one !== 'null');
  if (schema.properties !== undefined || kind === 'object') {
    const all = Object.entries(schema.properties ?? {});
    const required = all.filter(([key]) => schema.required?.includes(key));
    return Object.fromEntries((required.length > 0 ? required : all).map(([key, value]) => [key, sampleOf(document, value, key, depth + 1)]));
  }
  const option = schema.oneOf?.[0] ?? schema.anyOf?.[0] ?? schema.allOf?.[0];
  if (option) return sampleOf(document, option, name, depth);
  if (kind === 'array') return depth >= sample_depth ? [] : [sampleOf(document, schema.items ?? {}, name.replace(/s$/, ''), depth + 1)];
  if (name in samples) return samples[name];
  if (kind === 'boolean') return true;
  if (kind === 'integer' || kind === 'number') return Math.max(1, Number(schema.minimum ?? 1));
  return name === '' ? 'text' : name.toUpperCase();
}

const quoted = (text: string) => (/^[\w@%+=:,./?&-]+$/.test(text) && !text.includes('&') && !text.includes('?') ? text : `'${text.replaceAll("'", `'\\''`)}'`);

// The request as a line of curl, broken where it is long. `$TOKEN` is an access token.
export function curlOf(document: Document, operation: Operation, origin: string): string {
  const path = operation.path.replace(/\{(\w+)\}/g, (_, name: string) => name.toUpperCase());
  const query = operation.parameters
    .filter((parameter) => parameter.in === 'query' && parameter.required === true)
    .map((parameter) => `${parameter.name}=${encodeURIComponent(String(sampleOf(document, parameter.schema ?? {}, parameter.name)))}`)
    .join('&');
  const url = quoted(origin + path + (query === '' ? '' : `?${query}`));
  const parts = [operation.method === 'GET' ? `curl ${url}` : operation.method === 'HEAD' ? `curl -I ${url}` : `curl -X ${operation.method} ${url}`];
  if (operation.access.includes('basic')) parts.push('-u ada');
  else if (operation.access.includes('bearer')) parts.push('-H "Authorization: Bearer $TOKEN"');
  else if (operation.access.includes('cookie')) parts.push('-b cookies.txt');
  for (const parameter of operation.parameters)
    if (parameter.in === 'header' && parameter.required === true)
      parts.push(`-H ${quoted(`${parameter.name}: ${String(sampleOf(document, parameter.schema ?? {}, parameter.name))}`)}`);
  const [body] = operation.bodies;
  // A password by HTTP Basic takes the place of the body.
  if (body?.required === true && !operation.access.includes('basic')) {
    if (body.type === 'multipart/form-data') parts.push('-F file=@video.mp4');
    else {
      parts.push(`-H ${quoted(`Content-Type: ${body.type}`)}`);
      if (body.type.endsWith('json')) parts.push(`-d ${quoted(JSON.stringify(sampleOf(document, body.schema)))}`);
      else parts.push('--data-binary @video.mp4');
    }
  }
  return parts.join(' \\\n  ');
}

// What a search finds: every word stands in the path, the method or what is said of it.
export function matches(operation: Operation, search: string): boolean {
  const text = `${operation.method} ${operation.path} ${operation.summary} ${operation.description}`.toLowerCase();
  return search.toLowerCase().split(/\s+/).every((word) => text.includes(word));
}

// "Needs `files:write`." as words and code, by turns: odd ones are code.
export function proseOf(text: string): string[] {
  return text.split('`');
}
