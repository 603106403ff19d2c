// SPDX-License-Identifier: Apache-2.0
// Requests as bytes, with what must become of each: refused with a status and the connection closed, or seen by the service
// behind as exactly this. `{at}` is a path of the vector's own below the route to one of the services.
//
// Behind every vector the client sends one more request on the same connection. Where the vector asks for the connection to
// be closed, or is refused, it must stay without an answer.

import { anyPlace, type Sees } from '../support/ledger.js';

export interface Refused {
  status: number; // by the gateway, and the connection goes on
}

export type Step = number | Refused | Sees; // a number: refused with this status, and the connection closed

export interface Vector {
  name: string;
  bytes: string;
  outcome: Step[]; // in the order of the answers
  closes?: boolean; // the last answer ends the connection
  halfClose?: boolean; // the client says that no more will come, and sends no request behind
}

const seen = (method = 'GET', body = '', fields?: Sees['fields'], target = '{at}'): Sees => ({ method, target, body, fields });
const repeat = (text: string, count: number) => text.repeat(count);
const shown = (text: string) => JSON.stringify(text).slice(1, -1);

// Every place is as long as the other, so that lengths can be told before the place is known.
const lengthOf = (text: string) => text.replaceAll('{at}', anyPlace).length;

const hidden = 'GET {at}/smuggled HTTP/1.1\r\nHost: h\r\n\r\n';
const get = (lines = '') => `GET {at} HTTP/1.1\r\nHost: h\r\n${lines}\r\n`;
const post = (lines: string, body: string) => `POST {at} HTTP/1.1\r\nHost: h\r\n${lines}\r\n${body}`;
const chunked = (body: string) => post('Transfer-Encoding: chunked\r\n', body);
const target = (text: string) => `GET ${text} HTTP/1.1\r\nHost: h\r\n\r\n`;
const host = (text: string) => `GET {at} HTTP/1.1\r\nHost: ${text}\r\n\r\n`;

type Row = [name: string, bytes: string, ...outcome: Step[]];
const rows = (list: Row[]): Vector[] => list.map(([name, bytes, ...outcome]) => ({ name, bytes, outcome }));
const closing = (list: Row[]): Vector[] => rows(list).map((vector) => ({ ...vector, closes: true }));
const unfinished = (list: Row[]): Vector[] => rows(list).map((vector) => ({ ...vector, halfClose: true }));

// Field lines that somebody, somewhere, reads as "Transfer-Encoding: chunked", or that do not say what they seem to say.
const badCodings = [
  'Transfer-Encoding: xchunked', 'Transfer-Encoding: chunkedx', 'Transfer-Encoding: chunk', 'Transfer-Encoding : chunked',
  'Transfer-Encoding\t: chunked', 'Transfer-Encoding: \x0bchunked', 'Transfer-Encoding: \x0cchunked', 'Transfer-Encoding: \0chunked',
  'Transfer-Encoding: chunked\0', 'Transfer-Encoding: \xa0chunked', 'Transfer-Encoding: chunked\xff', 'Transfer-Encoding: \x7fchunked',
  ' Transfer-Encoding: chunked', '\tTransfer-Encoding: chunked', 'Transfer-Encoding:\r\n chunked', 'Transfer-Encoding: chunked\r\n ',
  'Transfer-Encoding: chunked\r\n , identity', 'Transfer-Encoding\r\n: chunked', 'Transfer-Encoding: identity\r\n, chunked',
  'X: x\nTransfer-Encoding: chunked', 'X: x\rTransfer-Encoding: chunked', 'X: x\r\rTransfer-Encoding: chunked', 'Transfer-Encoding: chunked\r',
  'Transfer-Encoding: chunked\n', 'Transfer-Encoding: identity', 'Transfer-Encoding: gzip', 'Transfer-Encoding: gzip, chunked',
  'Transfer-Encoding: chunked, gzip', 'Transfer-Encoding: chunked, identity', 'Transfer-Encoding: identity, chunked',
  'Transfer-Encoding: chunked, chunked', 'Transfer-Encoding: chunked,', 'Transfer-Encoding: ,chunked', 'Transfer-Encoding: chunked;a=b',
  'Transfer-Encoding: "chunked"', "Transfer-Encoding: 'chunked'", 'Transfer-Encoding: (x)chunked', 'Transfer-Encoding: chunked chunked',
  'Transfer-Encoding:', 'Transfer-Encoding: ', 'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked',
  'Transfer-Encoding: chunked\r\nTransfer-Encoding: identity', 'Transfer-Encoding: identity\r\nTransfer-Encoding: chunked',
  'Transfer-Encoding: chunked\r\nTransfer-encoding: x', 'Transfer_Encoding: chunked', 'Transfer Encoding: chunked', 'Transfer-Encoding chunked',
  'Transfer-Encoding;: chunked', 'Transfer-Encoding=: chunked', 'Transfer-Encoding\xa0: chunked', '\xefTransfer-Encoding: chunked',
  'Transfer-\xc5\xbfncoding: chunked', ': chunked\r\nTransfer-Encoding: chunked', 'Content-Length: 4\r\nTransfer-Encoding: chunked',
  'Content-Length: abc\r\nTransfer-Encoding: chunked',
];

// The body that one side sees when it reads the length, and where the other, reading chunks, sees another request.
const twoReadings = `0\r\n\r\n${hidden}`;

const codings: Vector[] = badCodings.flatMap((line) => [
  { name: `coding alone: ${shown(line)}`, bytes: post(`${line}\r\n`, twoReadings), outcome: [400] },
  { name: `coding behind a length: ${shown(line)}`, bytes: post(`Content-Length: ${lengthOf(twoReadings)}\r\n${line}\r\n`, twoReadings), outcome: [400] },
  { name: `coding before a length: ${shown(line)}`, bytes: post(`${line}\r\nContent-Length: 5\r\n`, twoReadings), outcome: [400] },
]);

const fineCodings = rows([
  ['coding in capitals', post('TRANSFER-ENCODING: CHUNKED\r\n', '1\r\nx\r\n0\r\n\r\n'), seen('POST', 'x')],
  ['coding in mixed case, after a tab', post('transfer-Encoding:\tcHuNkEd \r\n', '1\r\nx\r\n0\r\n\r\n'), seen('POST', 'x')],
  ['chunked body of a GET', get('Transfer-Encoding: chunked\r\n') + '2\r\nok\r\n0\r\n\r\n', seen('GET', 'ok')],
  ['TE beside a length', post('TE: chunked\r\nContent-Length: 5\r\n', '0\r\n\r\n'), seen('POST', '0\r\n\r\n', { te: undefined })],
  ['Content-Encoding: chunked', post('Content-Encoding: chunked\r\nContent-Length: 5\r\n', '0\r\n\r\n'), seen('POST', '0\r\n\r\n')],
  ['X-Transfer-Encoding', post('X-Transfer-Encoding: chunked\r\nContent-Length: 5\r\n', '0\r\n\r\n'), seen('POST', '0\r\n\r\n')],
  ['Transfer-Encoding named by Connection', post('Connection: transfer-encoding\r\nTransfer-Encoding: chunked\r\n', '1\r\nx\r\n0\r\n\r\n'), seen('POST', 'x')],
]);

const lengths = rows([
  ['length 3', post('Content-Length: 3\r\n', 'abc'), seen('POST', 'abc')],
  ['length 0', post('Content-Length: 0\r\n', ''), seen('POST', '')],
  ['length of a GET', get('Content-Length: 2\r\n') + 'ok', seen('GET', 'ok')],
  ['length of a DELETE', 'DELETE {at} HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nok', seen('DELETE', 'ok')],
  ['length between white space', post('cOnTeNt-LeNgTh:\t 3 \t\r\n', 'abc'), seen('POST', 'abc')],
  ['POST without a length', post('', ''), seen('POST', '')],
  ['length named by Connection', post('Connection: content-length\r\nContent-Length: 3\r\n', 'abc'), seen('POST', 'abc')],
  ['body that looks like a request', post(`Content-Length: ${lengthOf(hidden)}\r\n`, hidden), seen('POST', hidden)],
  ['body with a last chunk in it', post('Content-Length: 5\r\n', '0\r\n\r\n'), seen('POST', '0\r\n\r\n')],
  ['body of all bytes', post('Content-Length: 256\r\n', String.fromCharCode(...Array(256).keys())), seen('POST', String.fromCharCode(...Array(256).keys()))],
  ['length that takes the beginning of the next request', post('Content-Length: 4\r\n', ''), seen('POST', 'GET '), 400],
  ['length shorter than what follows', post('Content-Length: 1\r\n', `a${hidden}`), seen('POST', 'a'), seen('GET', '', undefined, '{at}/smuggled')],
  ['length twice, equal', post('Content-Length: 3\r\nContent-Length: 3\r\n', 'abc'), 400],
  ['length twice, different', post('Content-Length: 0\r\nContent-Length: 44\r\n', hidden), 400],
  ['length twice, in other case', post('Content-Length: 0\r\ncontent-length: 44\r\n', hidden), 400],
  ['length 0 and then the real one', post('Content-Length: 0\r\nX: y\r\nContent-Length: 3\r\n', 'abc'), 400],
  ...[
    '3, 3', '3,3', '3,', ',3', '3 3', '+3', '-3', '-0', '+0', '0x3', '3.0', '3e0', '03', '00', '3;', '3h', '"3"', '', ' ', '\xb3', '3\0', '\x0b3', '3\x0c',
    '9223372036854775808', '18446744073709551616', '18446744073709551619', '4294967299x', '9'.repeat(100), '3\r\n ', '\r\n 3',
  ].map((value): Row => [`length ${shown(value)}`, post(`Content-Length: ${value}\r\n`, 'abc'), 400]),
  ['space before the colon of a length', post('Content-Length : 3\r\n', 'abc'), 400],
  ['length with an underscore', post('Content_Length: 44\r\n', hidden), 400],
  ['length behind a bare LF', post(`X: y\nContent-Length: ${lengthOf(hidden)}\r\n`, hidden), 400],
  ['length behind a bare CR', post(`X: y\rContent-Length: ${lengthOf(hidden)}\r\n`, hidden), 400],
  ['length in a folded line', post(`X: y\r\n Content-Length: ${lengthOf(hidden)}\r\n`, hidden), 400],
  ['length with NUL in its name', post(`Content\0-Length: ${lengthOf(hidden)}\r\n`, hidden), 400],
  ['length larger than the route takes', post('Content-Length: 9223372036854775807\r\n', 'abc'), 413],
]);

const chunks = rows([
  ['chunks', chunked('3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n'), seen('POST', 'abc0123456789')],
  ['no chunks', chunked('0\r\n\r\n'), seen('POST', '')],
  ['sizes with zeros in front', chunked('0003\r\nabc\r\n000\r\n\r\n'), seen('POST', 'abc')],
  ['chunk that looks like the last one', chunked('5\r\n0\r\n\r\n\r\n0\r\n\r\n'), seen('POST', '0\r\n\r\n')],
  ['chunk that holds a request', chunked(`${lengthOf(hidden).toString(16)}\r\n${hidden}\r\n0\r\n\r\n`), seen('POST', hidden)],
  ['extensions', chunked('1;name=value;other="quoted"\r\nx\r\n0;last\r\n\r\n'), seen('POST', 'x')],
  ['extension without a name', chunked('1;\r\nx\r\n0\r\n\r\n'), seen('POST', 'x')],
  ['extension that looks like a size', chunked('1;5\r\nx\r\n0\r\n\r\n'), seen('POST', 'x')],
  ['trailers', chunked('1\r\nx\r\n0\r\nX-Trailer: a\r\n\r\n'), seen('POST', 'x', { 'x-trailer': undefined })],
  ['trailer that would be an identity', chunked('0\r\nAuthorization: Bearer x\r\nX-User-Id: root\r\n\r\n'), seen('POST', '', { authorization: undefined, 'x-user-id': undefined })],
  ['trailer that would be a length', chunked('1\r\nx\r\n0\r\nContent-Length: 99\r\n\r\n'), seen('POST', 'x')],
  ['trailer that would be a coding', chunked('1\r\nx\r\n0\r\nTransfer-Encoding: identity\r\n\r\n'), seen('POST', 'x')],
  ['trailer that would be a host', chunked('1\r\nx\r\n0\r\nHost: evil\r\n\r\n'), seen('POST', 'x')],
  ['trailer announced', post('Transfer-Encoding: chunked\r\nTrailer: X-T\r\n', '1\r\nx\r\n0\r\nX-T: a\r\n\r\n'), seen('POST', 'x', { 'x-t': undefined, trailer: undefined })],
  ...[
    '1\r\nxXX\r\n0\r\n\r\n', '1\r\nx0\r\n\r\n', '1\r\nx\n0\r\n\r\n', '1\r\nx\r0\r\n\r\n', '1\nx\r\n0\r\n\r\n', '1\rx\r\n0\r\n\r\n', '1\r\r\nx\r\n0\r\n\r\n',
    '0x1\r\nx\r\n0\r\n\r\n', '-1\r\nx\r\n0\r\n\r\n', '+1\r\nx\r\n0\r\n\r\n', ' 1\r\nx\r\n0\r\n\r\n', '\t1\r\nx\r\n0\r\n\r\n', '1 \r\nx\r\n0\r\n\r\n',
    '1\t;a\r\nx\r\n0\r\n\r\n', '1 ;a\r\nx\r\n0\r\n\r\n', '\r\n1\r\nx\r\n0\r\n\r\n', 'g\r\nx\r\n0\r\n\r\n', '1g\r\nx\r\n0\r\n\r\n', '1,1\r\nx\r\n0\r\n\r\n',
    '1.0\r\nx\r\n0\r\n\r\n', '"1"\r\nx\r\n0\r\n\r\n', '1\0\r\nx\r\n0\r\n\r\n', '8000000000000000\r\nx', 'ffffffffffffffff\r\nx', '10000000000000001\r\nx\r\n0\r\n\r\n',
    '00000000000000000\r\n\r\n', 'fffffffffffffffff\r\nx\r\n0\r\n\r\n', '1;a\nb\r\nx\r\n0\r\n\r\n', '1;a="\n"\r\nx\r\n0\r\n\r\n',
    '1;a="\r\n"\r\nx\r\n0\r\n\r\n', '1;a\rb\r\nx\r\n0\r\n\r\n', '1;a\0\r\nx\r\n0\r\n\r\n', `1;${'e'.repeat(300)}\r\nx\r\n0\r\n\r\n`, `1;${'e'.repeat(65536)}\r\nx\r\n0\r\n\r\n`,
    '0\n\n', '0\r\n\n', '0\n\r\n', '0\r\n\r\r\n', '0\r\njunk\r\n\r\n', '0\r\nA: b\r\n c\r\n\r\n', '0\r\n: b\r\n\r\n', '0\r\nA : b\r\n\r\n', '0\r\nA: b\n\r\n',
    '0\r\nA: b\rc\r\n\r\n', '0\r\nA: \0\r\n\r\n', '0\r\nA: b\r\n\n', `0\r\n${repeat('A: bbbbbbbb\r\n', 10_000)}\r\n`, `0\r\nGET {at}/smuggled HTTP/1.1\r\nHost: h\r\n\r\n`,
  ].map((body): Row => [`chunks ${shown(body.length > 60 ? `${body.slice(0, 57)}...` : body)}`, chunked(body), 400]),
]);

const lines = rows([
  ['two spaces before the target', 'GET  {at} HTTP/1.1\r\nHost: h\r\n\r\n', 400],
  ['two spaces before the version', 'GET {at}  HTTP/1.1\r\nHost: h\r\n\r\n', 400],
  ['space behind the version', 'GET {at} HTTP/1.1 \r\nHost: h\r\n\r\n', 400],
  ['space before the method', ' GET {at} HTTP/1.1\r\nHost: h\r\n\r\n', 400],
  ['tabs in the request line', 'GET\t{at}\tHTTP/1.1\r\nHost: h\r\n\r\n', 400],
  ['vertical tab in the request line', 'GET\x0b{at} HTTP/1.1\r\nHost: h\r\n\r\n', 400],
  ['no-break space in the request line', 'GET\xa0{at} HTTP/1.1\r\nHost: h\r\n\r\n', 400],
  ['method alone', 'GET\r\nHost: h\r\n\r\n', 400],
  ['HTTP/0.9', 'GET {at}\r\n\r\n', 400],
  ['HTTP/2.0 as text', 'GET {at} HTTP/2.0\r\nHost: h\r\n\r\n', 505],
  ['HTTP/1.2', 'GET {at} HTTP/1.2\r\nHost: h\r\n\r\n', 505],
  ['HTTP/3.1', 'GET {at} HTTP/3.1\r\nHost: h\r\n\r\n', 505],
  ['HTTP/0.9 with its version', 'GET {at} HTTP/0.9\r\nHost: h\r\n\r\n', 505],
  ['HTTP/1.10', 'GET {at} HTTP/1.10\r\nHost: h\r\n\r\n', 400],
  ['HTTP/01.1', 'GET {at} HTTP/01.1\r\nHost: h\r\n\r\n', 400],
  ['http/1.1 in small letters', 'GET {at} http/1.1\r\nHost: h\r\n\r\n', 400],
  ['HTTP/1,1', 'GET {at} HTTP/1,1\r\nHost: h\r\n\r\n', 400],
  ['version without a number', 'GET {at} HTTP/\r\nHost: h\r\n\r\n', 400],
  ['ICY', 'GET {at} ICY/1.1\r\nHost: h\r\n\r\n', 400],
  ['TLS handshake', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400],
  ['SSH greeting', 'SSH-2.0-OpenSSH_9.2\r\n', 400],
  ['request line with a bare LF', 'GET {at} HTTP/1.1\nHost: h\r\n\r\n', 400],
  ['request line with a bare CR', 'GET {at} HTTP/1.1\rHost: h\r\n\r\n', 400],
  ['request line with CR CR LF', 'GET {at} HTTP/1.1\r\r\nHost: h\r\n\r\n', 400],
  ['head of bare LFs', 'GET {at} HTTP/1.1\nHost: h\n\n', 400],
  ['head that ends with a bare LF', 'GET {at} HTTP/1.1\r\nHost: h\r\n\n', 400],
  ['head that ends with LF CR LF', 'GET {at} HTTP/1.1\r\nHost: h\n\r\n', 400],
  ['one empty line before', `\r\n${get()}`, seen()],
  ['two empty lines before', `\r\n\r\n${get()}`, 400],
  ['bare LF before', `\n${get()}`, 400],
  ['bare CR before', `\r${get()}`, 400],
  ['NUL before', `\0${get()}`, 400],
  ['byte order mark before', `\xef\xbb\xbf${get()}`, 400],
  ['two requests at once', get() + get().replace('{at}', '{at}/second'), seen(), seen('GET', '', undefined, '{at}/second')],
  ['a body and then a request', post('Content-Length: 3\r\n', 'abc') + get().replace('{at}', '{at}/second'), seen('POST', 'abc'), seen('GET', '', undefined, '{at}/second')],
  ['a chunked body and then a request', chunked('3\r\nabc\r\n0\r\n\r\n') + get().replace('{at}', '{at}/second'), seen('POST', 'abc'), seen('GET', '', undefined, '{at}/second')],
  ['a request and then junk', `${get()}\0\0\0\0`, seen(), 400],
  ['a request and then one that is refused', get() + `GET {at}/second HTTP/1.1\r\n\r\n`, seen(), 400],
]);

const fields = rows([
  ['field with a bare LF', get('A: b\nX-Injected: c\r\n'), 400],
  ['field with a bare CR', get('A: b\rX-Injected: c\r\n'), 400],
  ['field with CR CR LF', get('A: b\r\r\n'), 400],
  ['field with NUL', get('A: b\0c\r\n'), 400],
  ['field with DEL', get('A: b\x7f\r\n'), 400],
  ['field with BEL', get('A: b\x07\r\n'), 400],
  ['field with an escape sequence', get('A: \x1b[31m\r\n'), 400],
  ['field with a tab', get('X-A: b\tc\r\n'), seen('GET', '', { 'x-a': 'b\tc' })],
  ['field with UTF-8', get('X-A: \xc3\xa9\r\n'), seen('GET', '', { 'x-a': '\xc3\xa9' })],
  ['field that is empty', get('X-A:\r\n'), seen()],
  ['field with spaces around', get('X-A: \t b \t\r\n'), seen('GET', '', { 'x-a': 'b' })],
  ['field with escaped line ends', get('X-A: b%0d%0aX-Injected: c\r\n'), seen('GET', '', { 'x-a': 'b%0d%0aX-Injected: c', 'x-injected': undefined })],
  ['field with a line end of Unicode', get('X-A: b\xe5\x98\x8a\xe5\x98\x8dX-Injected: c\r\n'), seen('GET', '', { 'x-injected': undefined })],
  ['space before the colon', get('X-A : b\r\n'), 400],
  ['tab before the colon', get('X-A\t: b\r\n'), 400],
  ['field without a colon', get('X-A\r\n'), 400],
  ['field with an empty name', get(': b\r\n'), 400],
  ['field that begins with two colons', get(':: b\r\n'), 400],
  ['field name with NUL', get('X\0A: b\r\n'), 400],
  ['field name with UTF-8', get('\xc3\xa9: b\r\n'), 400],
  ['field name with an underscore', get('X_User_Id: root\r\n'), 400],
  ['field name with a slash', get('X/A: b\r\n'), 400],
  ['field name in brackets', get('[X]: b\r\n'), 400],
  ['field name with a quote', get('X"A: b\r\n'), 400],
  ['folded field', get('X-A: b\r\n c\r\n'), 400],
  ['folded field with a tab', get('X-A: b\r\n\tc\r\n'), 400],
  ['folded first field', 'GET {at} HTTP/1.1\r\n Host: h\r\n\r\n', 400],
  ['folded with an empty line of a space', get('X-A: b\r\n \r\n'), 400],
  ['fields too many', get(repeat('A: b\r\n', 100)), 431],
  ['fields as many as allowed', get(repeat('X-A: b\r\n', 99)), seen()],
  ['head too large', get(`A: ${'b'.repeat(40_000)}\r\n`), 431],
  ['field name too large', get(`${'b'.repeat(40_000)}: a\r\n`), 431],
  ['field of 16 KiB', get(`X-A: ${'b'.repeat(16_384)}\r\n`), seen('GET', '', { 'x-a': 'b'.repeat(16_384) })],
  ['identity that the client claims', get('X-User-Id: root\r\nx-user-roles: admin\r\nX-USER-NAME: root\r\nX-Auth-User: root\r\n'),
    seen('GET', '', { 'x-user-id': undefined, 'x-user-roles': undefined, 'x-user-name': undefined, 'x-auth-user': undefined })],
  ['method that the client would rather have', get('X-HTTP-Method-Override: DELETE\r\nX-HTTP-Method: DELETE\r\n'),
    seen('GET', '', { 'x-http-method-override': undefined, 'x-http-method': undefined })],
  ['path that the client would rather have', get('X-Original-URL: /admin\r\nX-Rewrite-URL: /admin\r\n'), seen('GET', '', { 'x-original-url': undefined, 'x-rewrite-url': undefined })],
  ['Proxy', get('Proxy: http://evil/\r\n'), seen('GET', '', { proxy: undefined })],
  ['Forwarded', get('Forwarded: for=1.2.3.4\r\nX-Forwarded-For: 1.2.3.4\r\nX-Real-IP: 1.2.3.4\r\n'),
    seen('GET', '', { forwarded: undefined, 'x-forwarded-for': '127.0.0.1', 'x-real-ip': undefined })],
  ['Cookie twice', get('Cookie: a=1\r\nCookie: b=2\r\n'), seen()],
  ['Authorization twice', get('Authorization: Bearer x\r\nAuthorization: Bearer y\r\n'), 400],
  ['Content-Type twice', post('Content-Type: text/plain\r\nContent-Type: text/html\r\nContent-Length: 1\r\n', 'a'), 400],
  ['Range of many parts', get(`Range: bytes=${Array.from({ length: 1000 }, (_, i) => `${i * 2}-${i * 2}`).join(',')}\r\n`), seen()],
  ['Request-Range', get('Request-Range: bytes=0-,0-,0-,0-\r\n'), seen()],
]);

const hosts = rows([
  ['no host', 'GET {at} HTTP/1.1\r\n\r\n', 400],
  ['two hosts', 'GET {at} HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', 400],
  ['two equal hosts', 'GET {at} HTTP/1.1\r\nHost: h\r\nHOST: h\r\n\r\n', 400],
  ['host in a folded line', 'GET {at} HTTP/1.1\r\nX: y\r\n Host: h\r\n\r\n', 400],
  ['space before the colon of the host', 'GET {at} HTTP/1.1\r\nHost : h\r\n\r\n', 400],
  ...['', 'u@h', 'u:p@h', 'h/a', 'h\\a', 'a, b', 'a b', 'h?a', 'h#a', 'a%2fb', 'a%00', '\xc3\xa9', 'h:', 'h:65536', 'h:8a', 'h:-1', 'h:+1', 'h:80:80', ':80', '[::1', '[]', '[::1]a',
    '[::1]:', '[::g]', '[v1.a]', 'h\t', 'h\0', '"h"', 'h;a', '{h}', 'h\r\n :80', 'http://h', '[fe80::1%25eth0]'].map((value): Row => [`host ${shown(value)}`, host(value), 400]),
  ...['h:8080', '127.0.0.1', '[2001:db8::1]:443', 'a_b.internal', 'H', 'h.'].map((value): Row => [`host ${value}`, host(value), seen('GET', '', { 'x-forwarded-host': value })]),
]);
// A tab behind a value is white space around it.
hosts.find(({ name }) => name === 'host h\\t')!.outcome = [seen('GET', '', { 'x-forwarded-host': 'h' })];

const targets = rows([
  ['absolute form', target('http://h{at}'), seen()],
  ['absolute form in capitals', target('HTTP://H{at}'), seen()],
  ['absolute form of https', target('https://h{at}'), seen()],
  ['absolute form of another host', target('http://other{at}'), 400],
  ['absolute form of another port', target('http://h:81{at}'), 400],
  ['absolute form with user information', target('http://u:p@h{at}'), 400],
  ['absolute form without a host', target('http://{at}'), 400],
  ['absolute form of another scheme', target('ftp://h{at}'), 400],
  ['absolute form of a file', target('file:///etc/passwd'), 400],
  ['absolute form with a fragment', target('http://h{at}#b'), 400],
  ['absolute form with a space', target('http://h {at}'), 400],
  ['absolute form, host missing', 'GET http://h{at} HTTP/1.1\r\n\r\n', 400],
  ['target without a slash', target('a{at}'), 400],
  ['target that is a query', target('?a'), 400],
  ['target that is a fragment', target('#a'), 400],
  ['target * of a GET', target('*'), 400],
  ['target * and more', 'OPTIONS *{at} HTTP/1.1\r\nHost: h\r\n\r\n', 400],
  ['authority form', 'CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n', 400],
  ['CONNECT with a path', 'CONNECT {at} HTTP/1.1\r\nHost: h\r\n\r\n', 400],
  ['authority form of a GET', target('h:80'), 400],
  ['query', target('{at}?a=b&c=%20&d'), seen('GET', '', undefined, '{at}?a=b&c=%20&d')],
  ['empty query', target('{at}?'), seen('GET', '', undefined, '{at}?')],
  ['query with question marks', target('{at}?a?b/../c'), seen('GET', '', undefined, '{at}?a?b/../c')],
  ['query with a line end escaped', target('{at}?a=%0d%0aX:y'), seen('GET', '', undefined, '{at}?a=%0d%0aX:y')],
  ['query with a fragment', target('{at}?a#b'), 400],
  ['query with NUL escaped', target('{at}?a=%00'), 400],
  ['query with UTF-8', target('{at}?a=\xc3\xa9'), 400],
  ['letters escaped', target('{at}/%61%62%43'), seen('GET', '', undefined, '{at}/abC')],
  ['space escaped', target('{at}/a%20b'), seen('GET', '', undefined, '{at}/a%20b')],
  ['percent escaped', target('{at}/100%25'), seen('GET', '', undefined, '{at}/100%25')],
  ['slash at the end', target('{at}/'), seen('GET', '', undefined, '{at}/')],
  ['tilde escaped', target('{at}/%7ea'), seen('GET', '', undefined, '{at}/~a')],
  ...['{at}#b', '{at}/\x80', '{at}/\xc3\xa9', '{at}/a%00b', '{at}/a\0b', '{at}/a\tb', '{at}/a\x0bb', '{at}/a\x7f', '{at}/a\\..\\b', '{at}/a<b>', '{at}/a"b', '{at}/a%4', '{at}/a%', '{at}/a%zz',
    '{at}/a%u0041', '{at}/`x`', '{at}/{x}'].map((value): Row => [`target ${shown(value)}`, target(value), 400]),
  ['target too long', target(`{at}/${'a'.repeat(8192)}`), 414],
  ['target very long', target(`{at}/${'a'.repeat(60_000)}`), 414],
  ['target long', target(`{at}/${'a'.repeat(4000)}`), seen('GET', '', undefined, `{at}/${'a'.repeat(4000)}`)],
  ['query too long', target(`{at}?${'a'.repeat(8192)}`), 414],
  ['line end in the target', target('{at}\r\nX: y'), 400],
  ['space in the target', target('{at}/a b'), 400],
  ['space and version in the target', target('{at} HTTP/1.1\r\nHost: h\r\n\r\nGET {at}/smuggled'), seen(), seen('GET', '', undefined, '{at}/smuggled')],
]);

// Where the request ends is beyond doubt, only not where it goes: the connection goes on.
const paths = rows([
  '//evil{at}', '{at}/..', '{at}/../x', '{at}/a/../../x', '{at}/./x', '{at}/.', '{at}/%2e%2e/x', '{at}/%2E./x', '{at}/.%2e/x', '{at}/%2e/x', '{at}//x', '{at}/x//',
  '{at}/a%2fb', '{at}/a%2Fb', '{at}/a%5cb', '{at}/a%5Cb', '{at}/a%0ab', '{at}/a%0d%0ab', '{at}/a%09b', '{at}/a%7fb', '{at}/%2e%2e%2fx', '{at}/%1bx', '{at}/a%2541', '{at}/%252e%252e/x', '{at}/a%252fb', '{at}/../../../../../etc/passwd',
].map((value): Row => [`path ${value}`, target(value), { status: 400 }]));

const methods = rows([
    ...['get', 'Post', 'QUERY', 'PROPFIND', 'A', 'X-Y', '!#$%&\'*+-.^_`|~'].map((method): Row => [`method ${method}`, `${method} {at} HTTP/1.1\r\nHost: h\r\n\r\n`, seen(method)]),
    ['method OPTIONS', 'OPTIONS {at} HTTP/1.1\r\nHost: h\r\n\r\n', seen('OPTIONS')],
    ['method PUT', 'PUT {at} HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\na', seen('PUT', 'a')],
    ['method PATCH', 'PATCH {at} HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\na', seen('PATCH', 'a')],
    ['method HEAD', 'HEAD {at} HTTP/1.1\r\nHost: h\r\n\r\n', seen('HEAD')],
    ['HEAD with a body', 'HEAD {at} HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\na', seen('HEAD', 'a')],
    ['method TRACE', 'TRACE {at} HTTP/1.1\r\nHost: h\r\n\r\n', 400],
    ['TRACE with a body', `TRACE {at} HTTP/1.1\r\nHost: h\r\nContent-Length: ${lengthOf(hidden)}\r\n\r\n${hidden}`, 400],
    ['method connect in small letters', 'connect {at} HTTP/1.1\r\nHost: h\r\n\r\n', seen('connect')],
    ['method of 32 bytes', `${'A'.repeat(32)} {at} HTTP/1.1\r\nHost: h\r\n\r\n`, seen('A'.repeat(32))],
    ['method of 33 bytes', `${'A'.repeat(33)} {at} HTTP/1.1\r\nHost: h\r\n\r\n`, 400],
    ['method of 10 KB', `${'A'.repeat(10_000)} {at} HTTP/1.1\r\nHost: h\r\n\r\n`, 414],
    ...['GE T', 'GE(T', 'GET:', 'GET/', '"GET"', 'G\xc9T', 'GET\0', 'GET\x0b', 'PRI'].map((method): Row => [`method ${shown(method)}`, `${method} {at} HTTP/1.1\r\nHost: h\r\n\r\n`, 400]),
]);
methods.find(({ name }) => name === 'method PRI')!.outcome = [seen('PRI')];

const connection = [
  ...rows([
    ['Connection names a field', get('Connection: x-a\r\nX-A: b\r\n'), seen('GET', '', { 'x-a': undefined, connection: undefined })],
    ['Connection names fields in capitals', get('Connection: keep-alive, X-A ,,X-B\r\nX-A: b\r\nx-b: c\r\n'), seen('GET', '', { 'x-a': undefined, 'x-b': undefined })],
    ['Connection twice', get('Connection: x-a\r\nConnection: x-b\r\nX-A: b\r\nX-B: c\r\n'), seen('GET', '', { 'x-a': undefined, 'x-b': undefined })],
    ['Connection names Host', get('Connection: host\r\n'), seen()],
    ['Connection names what the gateway adds', get('Connection: x-forwarded-for, x-forwarded-host, x-request-id, traceparent\r\n'), seen('GET', '', { 'x-forwarded-for': '127.0.0.1', 'x-forwarded-host': 'h' })],
    ['Connection names Authorization', get('Connection: authorization\r\nAuthorization: Bearer x\r\n'), seen('GET', '', { authorization: 'Bearer x' })],
    ['Connection names Cookie', get('Connection: cookie\r\nCookie: a=1\r\n'), seen('GET', '', { cookie: 'a=1' })],
    ['Connection that is no list', get('Connection: x-a x-b\r\n'), 400],
    ['Connection with a quote', get('Connection: "close"\r\n'), 400],
    ['Connection of 1000 names', get(`Connection: ${Array.from({ length: 1000 }, (_, i) => `x-${i}`).join(',')}\r\nX-7: a\r\n`), seen('GET', '', { 'x-7': undefined })],
    ['Keep-Alive', get('Keep-Alive: timeout=1000\r\nConnection: keep-alive\r\n'), seen('GET', '', { 'keep-alive': undefined })],
    ['Proxy-Connection', get('Proxy-Connection: close\r\n'), seen('GET', '', { 'proxy-connection': undefined })],
    ['Proxy-Authorization', get('Proxy-Authorization: Basic x\r\n'), seen('GET', '', { 'proxy-authorization': undefined })],
    ['TE: trailers', get('TE: trailers\r\nConnection: TE\r\n'), seen('GET', '', { te: undefined })],
    ['Upgrade without Connection', get('Upgrade: websocket\r\n'), seen('GET', '', { upgrade: undefined })],
    ['Upgrade to h2c', get('Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n'), seen('GET', '', { upgrade: undefined, connection: undefined, 'http2-settings': undefined })],
    ['Upgrade to h2c with a body', post('Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\nContent-Length: 3\r\n', 'abc'), seen('POST', 'abc', { upgrade: undefined })],
    ['Upgrade to h2c without Connection', get('Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n'), seen('GET', '', { upgrade: undefined })],
    ['Upgrade to TLS', get('Connection: Upgrade\r\nUpgrade: TLS/1.0\r\n'), seen('GET', '', { upgrade: undefined })],
    ['Upgrade to websocket of another version', get('Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 777\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'), seen()],
    ['Expect: 100-continue', post('Expect: 100-continue\r\nContent-Length: 3\r\n', 'abc'), seen('POST', 'abc', { expect: undefined })],
    ['Expect in other case', post('expect: 100-CONTINUE\r\nContent-Length: 3\r\n', 'abc'), seen('POST', 'abc', { expect: undefined })],
    ['Expect without a body', get('Expect: 100-continue\r\n'), seen('GET', '', { expect: undefined })],
    ['Expect with chunks', post('Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n', '3\r\nabc\r\n0\r\n\r\n'), seen('POST', 'abc', { expect: undefined })],
    ['Expect twice', post('Expect: 100-continue\r\nExpect: 100-continue\r\nContent-Length: 3\r\n', 'abc'), seen('POST', 'abc', { expect: undefined })],
    ['Expect of something else', post('Expect: 200-ok\r\nContent-Length: 3\r\n', 'abc'), seen('POST', 'abc', { expect: undefined })],
    ['Expect as a list', post('Expect: x, 100-continue\r\nContent-Length: 3\r\n', 'abc'), seen('POST', 'abc', { expect: undefined })],
    ['Max-Forwards: 0', 'OPTIONS {at} HTTP/1.1\r\nHost: h\r\nMax-Forwards: 0\r\n\r\n', seen('OPTIONS')],
  ]),
  ...closing([
    ['Connection: close', get('Connection: close\r\n'), seen('GET', '', { connection: undefined })],
    ['Connection: close in a list', get('Connection: keep-alive, CLOSE\r\n'), seen()],
    ['Connection: close with a body', post('Connection: close\r\nContent-Length: 3\r\n', 'abc'), seen('POST', 'abc')],
    ['HTTP/1.0', 'GET {at} HTTP/1.0\r\nHost: h\r\n\r\n', seen()],
    ['HTTP/1.0 with keep-alive', 'GET {at} HTTP/1.0\r\nHost: h\r\nConnection: keep-alive\r\n\r\n', seen()],
    ['HTTP/1.0 with a body', 'POST {at} HTTP/1.0\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc', seen('POST', 'abc')],
    ['HTTP/1.0 with Expect', 'POST {at} HTTP/1.0\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc', seen('POST', 'abc')],
    ['HTTP/1.0 without a host', 'GET {at} HTTP/1.0\r\n\r\n', 400],
    ['HTTP/1.0 with chunks', 'POST {at} HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400],
    ['HTTP/1.0 with chunks and keep-alive', `POST {at} HTTP/1.0\r\nHost: h\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n${twoReadings}`, 400],
  ]),
];

// The client stops in the middle: nothing that is whole may reach a service.
const cut = unfinished([
  ['head cut in its first line', 'GET {at} HT'],
  ['head cut in a field', 'GET {at} HTTP/1.1\r\nHost: h\r\nX-A: '],
  ['head cut before its end', 'GET {at} HTTP/1.1\r\nHost: h\r\n'],
  ['length and no body', post('Content-Length: 10\r\n', ''), 400],
  ['length and half a body', post('Content-Length: 10\r\n', 'abc'), 400],
  ['chunks that end in a size', chunked('3\r\nabc\r\n5'), 400],
  ['chunks that end in data', chunked('3\r\nabc\r\n5\r\nab'), 400],
  ['chunks without the last one', chunked('3\r\nabc\r\n'), 400],
  ['chunks that end before the empty line', chunked('3\r\nabc\r\n0\r\n'), 400],
  ['chunks that end in a trailer', chunked('3\r\nabc\r\n0\r\nA: b\r\n'), 400],
  ['Expect and no body', post('Expect: 100-continue\r\nContent-Length: 10\r\n', ''), 400],
]);

const groups = { codings, 'good codings': fineCodings, lengths, chunks, lines, fields, hosts, targets, paths, methods, connection, cut };

export const vectorGroups: [string, Vector[]][] = Object.entries(groups);

// The vector for one place, a path like "/n/0042" below the route of a service.
export function placed(vector: Vector, at: string): { bytes: string; outcome: Step[] } {
  if (at.length !== anyPlace.length) throw new Error(`${at} is no place`);
  const put = (text: string) => text.replaceAll('{at}', at);
  const outcome = vector.outcome.map((step) => (typeof step === 'number' || 'status' in step ? step : { ...step, target: put(step.target), body: put(step.body) }));
  return { bytes: put(vector.bytes), outcome };
}
