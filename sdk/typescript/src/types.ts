// SPDX-License-Identifier: Apache-2.0
// From the types that are made from docs/openapi.json: what request() takes and gives, by method and path.
import type { components, paths } from './openapi.js';
import type { Body } from './transport.js';

export type Schemas = components['schemas'];
export type FileRecord = Schemas['File'];
export type FilePage = Schemas['FilePage'];
export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'HEAD' | 'OPTIONS';

type OperationAt<P extends keyof paths, M extends Method> = Lowercase<M> extends keyof paths[P] ? NonNullable<paths[P][Lowercase<M>]> : never;

/** The paths that a method has. /events does not end: events() follows it. */
export type PathOf<M extends Method> = { [P in keyof paths]: [OperationAt<P, M>] extends [never] ? never : P }[Exclude<keyof paths, '/events'>];

type Nothing = Record<never, never>;
type Field<Name extends string, Value, Required = Nothing extends Value ? false : true> = [Value] extends [never]
  ? Nothing
  : Required extends true
    ? { [N in Name]: Value }
    : { [N in Name]?: Value };

type ParameterOf<O, Where extends string> = O extends { parameters: infer P } ? (Where extends keyof P ? NonNullable<P[Where]> : never) : never;
type ContentOf<O> = O extends { requestBody?: infer B } ? (NonNullable<B> extends { content: infer C } ? C : never) : never;
type IsBodyRequired<O> = O extends { requestBody: { content: unknown } } ? true : false;
type BodyFields<O, C = ContentOf<O>> = [C] extends [never]
  ? Nothing
  : C extends { 'application/json': infer J }
    ? Field<'json', J, IsBodyRequired<O>>
    : Field<'body', Body, IsBodyRequired<O>>;

export interface CallOptions {
  signal?: AbortSignal | undefined;
  /** Of one attempt, until all of the answer is there. */
  timeoutMs?: number | undefined;
  retries?: number | undefined;
}

export type RequestOptions<P extends keyof paths, M extends Method, O = OperationAt<P, M>> = CallOptions &
  Field<'path', ParameterOf<O, 'path'>> &
  Field<'query', ParameterOf<O, 'query'>> &
  Field<'headers', ParameterOf<O, 'header'>> &
  BodyFields<O>;

/** Options may be left out where nothing in them must be there. */
export type Arguments<Options> = Nothing extends Options ? [options?: Options] : [options: Options];

type Answers<O> = O extends { responses: infer R } ? R[Extract<keyof R, 200 | 201 | 202 | 204 | 206 | 303 | 304>] : never;
type JsonKey<C> = Extract<keyof C, `${string}json`>;
type ResultOf<A> = A extends { content: infer C } ? ([JsonKey<C>] extends [never] ? Blob : C[JsonKey<C>]) : undefined;

/** JSON as its type, what has no body as undefined, everything else as a Blob. */
export type Result<P extends keyof paths, M extends Method> = ResultOf<Answers<OperationAt<P, M>>>;
