// SPDX-License-Identifier: Apache-2.0
// A TCP proxy on a free loopback port whose connections can be cut, as a network does.
import net from 'node:net';

export class TcpProxy {
  private readonly connections = new Set<net.Socket>();
  private readonly server: net.Server;
  private constructor(host: string, port: number) {
    this.server = net.createServer((client) => {
      const target = net.connect(port, host);
      for (const [one, other] of [[client, target], [target, client]]) {
        this.connections.add(one);
        one.setNoDelay(true);
        one.pipe(other);
        one.on('error', () => other.destroy());
        one.on('close', () => {
          this.connections.delete(one);
          other.destroy();
        });
      }
    });
  }

  static async open(host: string, port: number): Promise<TcpProxy> {
    const proxy = new TcpProxy(host, port);
    await new Promise<void>((resolve) => proxy.server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  // To the server of a URL, for example of a store.
  static async to(url: URL): Promise<TcpProxy> {
    return await TcpProxy.open(url.hostname, Number(url.port));
  }

  // The same URL by way of the proxy.
  through(url: URL): string {
    const copy = new URL(url);
    copy.host = `127.0.0.1:${(this.server.address() as net.AddressInfo).port}`;
    return copy.href;
  }

  // Ends every connection with a reset; new ones are let through. Returns how many there were.
  cut(): number {
    const count = this.connections.size / 2;
    for (const socket of this.connections) socket.resetAndDestroy();
    return count;
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
