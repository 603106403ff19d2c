// SPDX-License-Identifier: Apache-2.0
// Certificates made for a test: an authority and what it vouches for, as PEM files, by the openssl program.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

export interface CertificateFiles {
  certificate: string;
  key: string;
}

const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: ['ignore', 'pipe', 'pipe'] });

export class CertificateAuthority {
  readonly file: string;
  private readonly key: string;

  constructor(
    private readonly directory: string,
    name = 'authority',
  ) {
    this.file = path.join(directory, `${name}.pem`);
    this.key = path.join(directory, `${name}.key`);
    openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', `/O=${name}`,
      '-addext', 'basicConstraints=critical,CA:TRUE', '-keyout', this.key, '-out', this.file);
  }

  get pem(): string {
    return readFileSync(this.file, 'utf8');
  }

  // `names` as openssl writes them: DNS:localhost,IP:127.0.0.1. Expired with days below 0. The same `file` again replaces
  // what is there.
  issue(file: string, names: string, days = 1): CertificateFiles {
    const at = (suffix: string) => path.join(this.directory, `${file}.${suffix}`);
    openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', `/O=${file}`, '-keyout', at('key'), '-out', at('csr'));
    writeFileSync(at('ext'), `subjectAltName=${names}\n`);
    openssl('x509', '-req', '-in', at('csr'), '-CA', this.file, '-CAkey', this.key, '-set_serial', String(Date.now()), '-days', String(days),
      '-extfile', at('ext'), '-out', at('pem'));
    return { certificate: at('pem'), key: at('key') };
  }
}
