// SPDX-License-Identifier: Apache-2.0
// Requests of HTTP/2 that would become something else as HTTP/1.1, or that two servers could read differently: each is refused
// (with a status of 4xx, a reset stream or the end of the connection), or seen by the service as exactly this request.
import { anyPlace, type Sees } from '../support/ledger.js';

export interface Http2Vector {
  name: string;
  fields: [string, string][]; // all of them, in their order
  body?: string[]; // DATA frames; none: the head ends the stream
  trailers?: [string, string][];
  keepsOpen?: boolean; // no frame ends the stream
  outcome: 'refused' | Sees;
  announced?: Sees; // the service may have seen this before the request was refused
}

const lengthOf = (text: string) => text.replaceAll('{at}', anyPlace).length;
const seen = (method = 'GET', body = '', fields?: Sees['fields'], target = '{at}'): Sees => ({ method, target, body, fields });
const shown = (text: string) => JSON.stringify(text).slice(1, -1);

interface Head {
  method?: string;
  scheme?: string;
  authority?: string;
  path?: string;
}
const head = (parts: Head = {}, more: [string, string][] = []): [string, string][] => [
  [':method', parts.method ?? 'GET'], [':scheme', parts.scheme ?? 'http'], [':authority', parts.authority ?? 'h'], [':path', parts.path ?? '{at}'], ...more];
const without = (name: string, more: [string, string][] = []) => [...head().filter(([key]) => key !== name), ...more];
const hidden = 'GET {at}/smuggled HTTP/1.1\r\nHost: h\r\n\r\n';
const ends = `x\r\n\r\n${hidden}`;

const refused = (name: string, fields: [string, string][], body?: string[], trailers?: [string, string][]): Http2Vector => ({ name, fields, body, trailers, outcome: 'refused' });
const passes = (name: string, fields: [string, string][], outcome: Sees, body?: string[], trailers?: [string, string][]): Http2Vector => ({ name, fields, body, trailers, outcome });

const values = [
  ...['b\r\nx-injected: c', 'b\nx-injected: c', 'b\rx-injected: c', 'b\0c', '\0', ends, 'b\x7f', 'b\x07', 'b\x0b', '\r\n', 'b\r\n c'].map((value) => refused(`value ${shown(value.slice(0, 40))}`, head({}, [['x-a', value]]))),
  passes('value with a tab', head({}, [['x-a', 'b\tc']]), seen('GET', '', { 'x-a': 'b\tc' })),
  passes('value of UTF-8', head({}, [['x-a', '\xc3\xa9']]), seen('GET', '', { 'x-a': '\xc3\xa9' })),
  passes('value that is empty', head({}, [['x-a', '']]), seen()),
  passes('cookies in pieces', head({}, [['cookie', 'a=1'], ['x-a', 'b'], ['cookie', 'b=2'], ['cookie', 'c=3']]), seen('GET', '', { cookie: 'a=1; b=2; c=3', 'x-a': 'b' })),
  refused('a cookie with a line end', head({}, [['cookie', 'a=1\r\nx-injected: c'], ['cookie', 'b=2']])),
  refused('Authorization twice', head({}, [['authorization', 'Bearer x'], ['authorization', 'Bearer y']])),
  refused('Content-Type twice', head({ method: 'POST' }, [['content-type', 'a/b'], ['content-type', 'c/d']]), ['x']),
  passes('identity that the client claims', head({}, [['x-user-id', 'root'], ['x-user-roles', 'admin'], ['x-forwarded-for', '1.2.3.4'], ['forwarded', 'for=1.2.3.4']]),
    seen('GET', '', { 'x-user-id': undefined, 'x-user-roles': undefined, 'x-forwarded-for': '127.0.0.1', forwarded: undefined })),
  refused('101 fields', head({}, Array.from({ length: 101 }, (_, i): [string, string] => [`x-${i}`, 'a']))),
  refused('fields of 200 KB', head({}, Array.from({ length: 20 }, (_, i): [string, string] => [`x-${i}`, 'a'.repeat(10_000)]))),
];

const names = [
  ...['X-A', 'x-a ', ' x-a', 'x a', 'x:a', ':x', 'x-a\r\nx-injected', 'x-a\n', 'x\0a', '', 'x_a', '\xc3\xa9', 'x(a)', 'x"a', 'x/a', 'x\ta', `x: y\r\n\r\n${hidden}`, 'x,a', '{x}'].map((name) => refused(`name ${shown(name.slice(0, 40))}`, head({}, [[name, 'b']]))),
  ...([['transfer-encoding', 'chunked'], ['transfer-encoding', 'identity'], ['transfer-encoding', ''], ['connection', 'close'], ['connection', 'x-a'], ['keep-alive', 'timeout=5'], ['proxy-connection', 'close'],
    ['upgrade', 'h2c'], ['upgrade', 'websocket'], ['te', 'gzip'], ['te', 'trailers, gzip'], ['Transfer-Encoding', 'chunked'], ['transfer-encoding ', 'chunked'], ['transfer_encoding', 'chunked'], ['content_length', '3'],
    ['content-length ', '3']] as [string, string][]).map((field) => refused(`field ${field.join(': ')}`, head({ method: 'POST' }, [field]), [`0\r\n\r\n${hidden}`])),
  passes('te: trailers', head({}, [['te', 'trailers']]), seen('GET', '', { te: undefined })),
  passes('http2-settings', head({}, [['http2-settings', 'AAMAAABkAARAAAAAAAIAAAAA']]), seen()),
];

const pseudo = [
  ...[':method', ':scheme', ':path'].map((name) => refused(`no ${name}`, without(name))),
  ...[':method', ':scheme', ':authority', ':path'].map((name) => refused(`${name} twice`, [...head(), head().find(([key]) => key === name)!])),
  refused('a pseudo-header behind a field', [...without(':path'), ['x-a', 'b'], [':path', '{at}']]),
  refused('an unknown pseudo-header', [[':x', 'y'], ...head()]),
  refused(':status in a request', [[':status', '200'], ...head()]),
  refused(':protocol without its setting', [[':protocol', 'websocket'], ...head({ method: 'CONNECT' })]),
  refused('neither authority nor host', without(':authority')),
  passes('host instead of the authority', without(':authority', [['host', 'h']]), seen('GET', '', { 'x-forwarded-host': 'h' })),
  passes('host and the same authority', head({}, [['host', 'h']]), seen('GET', '', { 'x-forwarded-host': 'h' })),
  refused('host and another authority', head({}, [['host', 'other']])),
  refused('two hosts', without(':authority', [['host', 'h'], ['host', 'other']])),
  refused('two equal hosts', head({}, [['host', 'h'], ['host', 'h']])),
  ...['', 'u@h', 'u:p@h', 'h/a', 'h?a', 'h#a', 'a b', 'a, b', 'h:', 'h:x', 'h:65536', '[::1', 'h\r\nx-injected: a', 'h\0', '\xc3\xa9', 'h\\a', 'http://h', 'h%2fa', `h\r\n\r\n${hidden}`].map((authority) => refused(`authority ${shown(authority.slice(0, 40))}`, head({ authority }))),
  ...['h:8080', '[2001:db8::1]:443', 'H', 'a_b.internal'].map((authority) => passes(`authority ${authority}`, head({ authority }), seen('GET', '', { 'x-forwarded-host': authority }))),
  ...['ftp', '', 'http://h{at}', 'ht tp', 'http\r\nx-injected: a', `http://h{at} HTTP/1.1\r\nHost: h\r\n\r\n`].map((scheme) => refused(`scheme ${shown(scheme)}`, head({ scheme }))),
  ...['', '*', 'a{at}', '{at}#b', '{at} b', '{at}\tb', '{at}\r\nx-injected: a', '{at}\nb', '{at}\0', '{at}%00', '{at}/\x80', '{at}/\xc3\xa9', '{at}\\b', '{at}/<b>', '{at}/%zz', '//evil{at}', 'http://h{at}', 'http://other{at}',
    '{at}/../x', '{at}/%2e%2e/x', '{at}//x', '{at}/a%2fb', '{at}/a%5cb', '{at}/a%0d%0ab', '{at}?a b', '{at}?a\r\nb', '{at}?a#b', `{at} HTTP/1.1\r\nHost: h\r\n\r\n${hidden}`, `{at}/${'a'.repeat(9000)}`].map((path) => refused(`path ${shown(path.slice(0, 40))}`, head({ path }))),
  passes('path with a query', head({ path: '{at}?a=b&c=%0d%0a' }), seen('GET', '', undefined, '{at}?a=b&c=%0d%0a')),
  passes('path with letters escaped', head({ path: '{at}/%61' }), seen('GET', '', undefined, '{at}/a')),
  ...['GET {at}/smuggled HTTP/1.1', 'GET\r\nx: y', 'GET ', ' GET', 'GET\t', '', 'G:T', 'G"T', 'GET\0', 'G\xc9T', 'TRACE', 'CONNECT', 'A'.repeat(33), `GET {at} HTTP/1.1\r\nHost: h\r\n\r\n${hidden}`].map((method) => refused(`method ${shown(method.slice(0, 40))}`, head({ method }))),
  refused('CONNECT in its own form', [[':method', 'CONNECT'], [':authority', 'h:443']]),
  passes('method PATCH', head({ method: 'PATCH' }), seen('PATCH', 'x'), ['x']),
  passes('method HEAD', head({ method: 'HEAD' }), seen('HEAD')),
];

const post = (more: [string, string][] = []) => head({ method: 'POST' }, more);
const bodies = [
  passes('a body without a length', post(), seen('POST', 'abc'), ['abc']),
  passes('a body in pieces', post(), seen('POST', 'abcdef'), ['abc', '', 'd', 'ef', '']),
  passes('a body with its length', post([['content-length', '3']]), seen('POST', 'abc'), ['abc']),
  passes('no body and length 0', post([['content-length', '0']]), seen('POST', '')),
  passes('no body and no length', post(), seen('POST', '')),
  passes('an empty body', post(), seen('POST', ''), ['']),
  passes('a body of a GET', head(), seen('GET', 'abc'), ['abc']),
  passes('a body that looks like the last chunk', post(), seen('POST', `0\r\n\r\n${hidden}`), [`0\r\n\r\n${hidden}`]),
  passes('a body that looks like a request', post([['content-length', String(lengthOf(hidden))]]), seen('POST', hidden), [hidden]),
  refused('a length and no body', post([['content-length', '3']])),
  refused('a length shorter than the body', post([['content-length', '3']]), [`abc${hidden}`]),
  { ...refused('a length of 0 and a body', post([['content-length', '0']]), [hidden]), announced: seen('POST', '') },
  { ...refused('a body and then more than its length', post([['content-length', '3']]), ['abc', hidden]), announced: seen('POST', 'abc') },
  refused('a length longer than the body', post([['content-length', '300']]), ['abc']),
  refused('two lengths', post([['content-length', '3'], ['content-length', '3']]), ['abc']),
  refused('two different lengths', post([['content-length', '3'], ['content-length', '0']]), ['abc']),
  ...['3, 3', '+3', '-3', '0x3', '3 3', '3.0', '', '18446744073709551619', '9'.repeat(100), '3\r\n', '3\r\nx: y', '03'].map((length) => refused(`length ${shown(length)}`, post([['content-length', length]]), ['abc'])),
  passes('Expect', post([['expect', '100-continue'], ['content-length', '3']]), seen('POST', 'abc', { expect: undefined }), ['abc']),
  passes('trailers', post(), seen('POST', 'abc', { 'x-t': undefined, authorization: undefined, 'x-user-id': undefined }), ['abc'], [['x-t', 'a'], ['authorization', 'Bearer x'], ['x-user-id', 'root']]),
  refused('trailers with a pseudo-header', post(), ['abc'], [[':path', '/x']]),
  refused('trailers with a line end', post(), ['abc'], [['x-t', 'a\r\n\r\nGET /x HTTP/1.1']]),
  refused('trailers with a coding', post(), ['abc'], [['transfer-encoding', 'chunked']]),
];

export const http2Groups: [string, Http2Vector[]][] = [['values', values], ['names', names], ['pseudo-headers', pseudo], ['bodies', bodies]];
