/** The TCP services of `npm start`, on their event loop over the integer API. Virtual time, no device. */
import t from 'tap';
import { AF, SHUT } from '../../src/socket/abi.ts';
import { EventLoop } from '../../tools/command/event-loop.ts';
import { HTTP_PORT, HttpService, httpPattern, patternAt } from '../../tools/command/http-page.ts';
import {
  CHARGEN_PORT,
  DISCARD_PORT,
  ECHO_PORT,
  openSmallServices,
} from '../../tools/command/small-services.ts';
import { hashOfPattern } from '../../tools/start/fetched.ts';
import { fetchHttp } from '../../tools/start/http-client.ts';
import { dialogue, SERVER, SERVER6, TcpRig } from '../socket/tcp-rig.ts';

function served(r: TcpRig): EventLoop {
  return r.b.do((api) => {
    const loop = new EventLoop(api);
    if (openSmallServices(loop) !== 0) throw new Error('a port is taken');
    return loop;
  });
}

function connected(r: TcpRig, port: number): number {
  const fd = r.connect(`${SERVER}:${port}`);
  r.ms(50);
  return fd;
}

/** All that comes, without waiting for more. */
function readAll(r: TcpRig, fd: number): { text: string; end: string } {
  const into = new Uint8Array(1 << 20);
  let text = '';
  for (;;) {
    const n = r.a.do((api) => api.read(fd, into));
    if (n <= 0) return { text, end: n === 0 ? 'end' : String(n) };
    text += Buffer.from(into.subarray(0, n)).toString('latin1');
  }
}

dialogue('echo gives back every byte, and ends when the peer does', (t, r) => {
  served(r);
  const fd = connected(r, ECHO_PORT);
  r.a.write(fd, 'one ');
  r.ms(50);
  r.a.write(fd, 'two');
  r.a.do((api) => api.shutdown(fd, SHUT.WR));
  r.ms(100);
  t.same(readAll(r, fd), { text: 'one two', end: 'end' });
});

dialogue('echo to a peer that does not read stops reading', (t, r) => {
  served(r);
  const fd = connected(r, ECHO_PORT);
  const piece = new Uint8Array(100_000).fill(0x61);
  let sent = 0;
  for (let i = 0; i < 400; i++) {
    sent += Math.max(
      0,
      r.a.do((api) => api.write(fd, piece)),
    );
    r.ms(50);
  }
  t.ok(sent < 30_000_000, `it took ${sent} bytes of 40,000,000`);
  let back = 0;
  r.a.do((api) => api.shutdown(fd, SHUT.WR));
  for (let i = 0; i < 2000 && back < sent; i++) {
    back += readAll(r, fd).text.length;
    r.ms(50);
  }
  t.equal(back, sent, 'and every byte comes back once it does');
});

dialogue('discard takes everything and says nothing', (t, r) => {
  served(r);
  const fd = connected(r, DISCARD_PORT);
  for (let i = 0; i < 20; i++) {
    t.equal(r.a.write(fd, 'x'.repeat(10_000)), 10_000);
    r.ms(50);
  }
  r.a.do((api) => api.shutdown(fd, SHUT.WR));
  r.ms(100);
  t.same(readAll(r, fd), { text: '', end: 'end' });
});

dialogue('RFC 864: the character generator’s lines, each begun one further', (t, r) => {
  served(r);
  const fd = connected(r, CHARGEN_PORT);
  r.ms(300);
  const lines = readAll(r, fd).text.split('\r\n');
  t.ok(lines.length > 200);
  t.match(lines[0], / !"#.*fg$/);
  t.equal(lines[0]!.length, 72);
  t.equal(lines[1]![0], '!');
  t.equal(lines[95], lines[0]);
});

dialogue('the character generator is held by its reader, and dies with it', (t, r) => {
  const loop = served(r);
  const fd = connected(r, CHARGEN_PORT);
  r.sec(20);
  const { tcp } = r.b.stack;
  const sent = tcp.mib.get('OutSegs');
  const held = r.b.stack.env.memory.pages.held;
  r.sec(20);
  const since = tcp.mib.get('OutSegs') - sent;
  t.ok(since < 30, `probes of the window, no more: ${since}`);
  t.equal(r.b.stack.env.memory.pages.held, held);
  const open = loop.api.files.size;
  r.a.do((api) => api.close(fd)); // with unread text: a reset
  r.ms(100);
  t.equal(loop.api.files.size, open - 1);
  t.equal(tcp.mib.get('CurrEstab'), 0);
});

dialogue('HTTP: the page, bytes to check, and what is not there', (t, r) => {
  r.b.do((api) => new HttpService(new EventLoop(api), () => '<h1>hello').open(HTTP_PORT));
  const ask = (request: string): string => {
    const fd = connected(r, HTTP_PORT);
    r.a.write(fd, request);
    r.ms(200);
    let { text, end } = readAll(r, fd);
    for (let i = 0; i < 20 && end !== 'end'; i++) {
      r.ms(50);
      const more = readAll(r, fd);
      text += more.text;
      end = more.end;
    }
    t.equal(end, 'end', `${request.split('\r\n')[0]}: the stream ends`);
    r.a.do((api) => api.close(fd));
    r.ms(100);
    return text;
  };
  t.match(
    ask('GET / HTTP/1.1\r\nHost: x\r\n\r\n'),
    /^HTTP\/1\.1 200 OK\r\n[\s\S]*Content-Length: 9\r\n[\s\S]*\r\n\r\n<h1>hello$/,
  );
  t.match(ask('HEAD / HTTP/1.1\r\nHost: x\r\n\r\n'), /Content-Length: 9\r\n[\s\S]*\r\n\r\n$/);
  const bytes = ask('GET /bytes/70000 HTTP/1.1\r\nHost: x\r\n\r\n').split('\r\n\r\n')[1]!;
  const pattern = httpPattern();
  t.equal(
    Buffer.compare(Buffer.from(bytes.slice(0, 65_521), 'latin1'), patternAt(pattern, 0, 65_521)),
    0,
  );
  t.equal(bytes.length, 70_000);
  t.match(ask('GET /bytes/0 HTTP/1.1\r\n\r\n'), /Content-Length: 0\r\n/);
  t.match(ask('GET /other HTTP/1.1\r\n\r\n'), /^HTTP\/1\.1 404 /);
  t.match(ask('GET /bytes/99999999999999 HTTP/1.1\r\n\r\n'), /^HTTP\/1\.1 404 /);
  t.match(ask('PUT / HTTP/1.1\r\n\r\n'), /^HTTP\/1\.1 405 /);
  t.match(ask('hello\r\n\r\n'), /^HTTP\/1\.1 400 /);
  t.match(ask('x'.repeat(9000)), /^HTTP\/1\.1 400 /);
});

t.test('our client fetches from our server, and says why when it cannot', async (t) => {
  const r = new TcpRig();
  const client = r.a.do((api) => new EventLoop(api));
  r.b.do((api) => new HttpService(new EventLoop(api), () => '').open(HTTP_PORT));
  for (const host of [SERVER, SERVER6]) {
    const got = r.a.do(() => fetchHttp(client, host, HTTP_PORT, '/bytes/300001'));
    r.sec(5);
    t.match(await got, { status: 200, bytes: 300_001, sha256: hashOfPattern(300_001), note: '' });
    const refused = r.a.do(() => fetchHttp(client, host, 81, '/'));
    r.sec(5);
    t.match(await refused, { status: 0, bytes: 0, note: 'ECONNREFUSED' });
  }
  r.end(t);
});

dialogue('a listener that ran out of descriptors goes on when one is free', (t, r) => {
  served(r);
  const { api } = r.b;
  const spare: number[] = [];
  for (let fd = 0; fd >= 0; fd = api.socket(AF.INET, 1, 0)) if (fd > 0) spare.push(fd);
  const fd = connected(r, ECHO_PORT);
  r.a.write(fd, 'late');
  r.ms(100);
  t.equal(readAll(r, fd).text, '');
  r.b.do(() => {
    for (const s of spare) api.close(s);
  });
  const other = connected(r, ECHO_PORT);
  r.a.write(other, 'now');
  r.ms(100);
  t.equal(readAll(r, other).text, 'now');
  t.equal(readAll(r, fd).text, 'late');
});
