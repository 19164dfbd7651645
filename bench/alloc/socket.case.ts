/** The socket interface: datagrams and readiness on integers, as whole turns. */
import { AF, EPOLL, EPOLLET, MSG, POLL, SOCK } from '../../src/socket/abi.ts';
import { EpollEvents } from '../../src/socket/epoll.ts';
import { PollFd } from '../../src/socket/poll.ts';
import { SockAddr } from '../../src/socket/sock-addr.ts';
import { SocketApi } from '../../src/socket/socket-api.ts';
import type { Resumable, Wait } from '../../src/socket/wait.ts';
import { data, ethernet, ip4, ip6, udp } from '../../test/net/packets.ts';
import type { AllocCase } from './measure.ts';
import { ip, StackRig } from './stack-rig.ts';

const BATCH = 8;
const PORT = 5000;
const LEN = 100;

/** An echo server as it is written with epoll: all that is ready, until there is no more. */
class EpollEcho implements Resumable {
  answered = 0;
  private readonly api: SocketApi;
  private readonly ep: number;
  private readonly events = new EpollEvents(16);
  private readonly from = new SockAddr();
  private readonly into = new Uint8Array(4096);
  private readonly out = new Uint8Array(this.into.buffer, 0, LEN);
  private readonly wait: Wait;

  constructor(api: SocketApi, fds: readonly number[], how: number) {
    this.api = api;
    this.ep = api.epollCreate();
    for (const fd of fds) api.epollCtl(this.ep, EPOLL.ADD, fd, POLL.IN | how, fd);
    this.wait = api.newWait(this);
    this.sleep();
  }

  resume(): void {
    const { api, events } = this;
    for (let n = api.epollWait(this.ep, events, 16); n > 0; ) {
      for (let i = 0; i < n; i++) this.answerAll(events.data[i]!);
      n = api.epollWait(this.ep, events, 16);
    }
    this.sleep();
  }

  private answerAll(fd: number): void {
    const { api, from } = this;
    while (api.recvfrom(fd, this.into, MSG.DONTWAIT, from) >= 0) {
      if (api.sendto(fd, this.out, 0, from) !== LEN) throw new Error('not sent');
      this.answered++;
    }
  }

  private sleep(): void {
    const file = this.api.files.get(this.ep)!;
    this.wait.watch(file, POLL.IN);
    this.wait.start(this.api.stack.env.nowNs + 5e9);
  }
}

function openBound(api: SocketApi, port: number): number {
  const fd = api.socket(AF.INET6, SOCK.DGRAM, 0);
  if (api.bind(fd, new SockAddr().any(AF.INET6, port)) !== 0) throw new Error('bind');
  return fd;
}

function frame(v6: boolean, port: number): Uint8Array {
  const ports = { from: 4000, to: port };
  return v6
    ? ethernet(ip6({ next: 17 }, udp(ports, data(LEN), '2001:db8::2', '2001:db8::1')))
    : ethernet(ip4({ protocol: 17 }, udp(ports, data(LEN))));
}

function epollEcho(v6: boolean, how: number): () => () => void {
  return () => {
    const rig = new StackRig();
    const api = new SocketApi(rig.stack);
    const fds = Array.from({ length: 4 }, (_, i) => openBound(api, PORT + i));
    const app = new EpollEcho(api, fds, how);
    const templates = fds.map((_, i) => rig.prepare(frame(v6, PORT + i)));
    return () => {
      const before = app.answered;
      for (let i = 0; i < BATCH; i++) rig.offer(templates[i & 3]!);
      rig.turn();
      rig.check('echoed', app.answered - before === BATCH);
    };
  };
}

/** An application that looks once a turn, with poll, and reads from a connected socket. */
function pollRead(): () => void {
  const rig = new StackRig();
  const api = new SocketApi(rig.stack);
  const fd = openBound(api, PORT);
  api.connect(fd, new SockAddr().set(AF.INET6, ip('10.0.0.2'), 4000));
  const template = rig.prepare(frame(false, PORT));
  const entries = [new PollFd(fd, POLL.IN), new PollFd(-1, 0)];
  const into = new Uint8Array(2048);
  const body = data(LEN);
  return () => {
    for (let i = 0; i < BATCH; i++) rig.offer(template);
    rig.turn();
    let got = 0;
    while (api.poll(entries) > 0) {
      if (api.recv(fd, into, MSG.PEEK) !== LEN || api.read(fd, into) !== LEN) break;
      if (api.write(fd, body) !== LEN) break;
      got++;
    }
    rig.check('read', got === BATCH);
  };
}

const each = (name: string, build: () => () => void): AllocCase => ({
  name: `sockets: ${name}`,
  packetsPerCall: BATCH,
  build,
});

export const cases: readonly AllocCase[] = [
  each('epoll echo, level, IPv4', epollEcho(false, 0)),
  each('epoll echo, edge, IPv6', epollEcho(true, EPOLLET)),
  each('poll, peek, read, write, connected', pollRead),
];
