/** Whose SYN a listener lets open a connection: RFC 7413 §4.1, §4.2.2 and §5.1, with Linux's limits and keys. */
import tap from 'tap';
import { FastOpenKeys } from '../../src/tcp/fast-open-keys.ts';
import { FAST_OPEN, FastOpenCookie } from '../../src/tcp/fast-open-option.ts';
import { TCPI_OPT } from '../../src/tcp/tcp-info.ts';
import { ip } from '../net/rig.ts';
import {
  cookie,
  dialogue,
  FULL,
  infoOf,
  KEY,
  OPENED,
  OTHER_KEY,
  PLAIN,
  SERVER,
} from './fast-open-rig.ts';

// ---- cookies ----

tap.test('RFC 7413 §4.1.2: cookies are those that Linux makes of the same key', (t) => {
  const c = new FastOpenCookie();
  for (const [key, peer, us, wanted] of [
    [KEY, '192.0.2.1', '192.168.0.1', '3021b9d889017eeb'],
    [KEY, 'fd3d:fa7b:d17d::1', 'fd3d:a0b:17d6::1', 'c1d1e9742a47a9bc'],
  ] as const) {
    const flow = { local: ip(us), remote: ip(peer), localPort: 1, remotePort: 2, boundIndex: 0 };
    FastOpenKeys.fromText(key)!.bake(0, flow, c);
    t.equal(Buffer.from(c.bytes.subarray(0, c.len)).toString('hex'), wanted);
  }
  t.end();
});

tap.test('keys as text and as bytes, one or two', (t) => {
  const two = `${KEY},${OTHER_KEY}`;
  for (const text of [KEY, two]) {
    const keys = FastOpenKeys.fromText(text)!;
    t.equal(FastOpenKeys.toText(keys), text);
    t.equal(FastOpenKeys.toText(FastOpenKeys.fromBytes(keys.toBytes())), text);
    t.equal(keys.count, text === two ? 2 : 1);
  }
  t.equal(FastOpenKeys.toText(FastOpenKeys.fromText('1-2-3-4')), OTHER_KEY);
  t.equal(FastOpenKeys.toText(null), '00000000-00000000-00000000-00000000');
  for (const bad of ['', '1-2-3', '1-2-3-4-5', `${KEY},`, '1-2-3-g', '123456789-2-3-4']) {
    t.equal(FastOpenKeys.fromText(bad), null, bad);
  }
  for (const len of [0, 15, 17, 31, 33]) t.equal(FastOpenKeys.fromBytes(new Uint8Array(len)), null);
  t.end();
});

dialogue(
  'RFC 7413 §4.2.2: a request brings a cookie, in the kind it was asked in',
  (_t, h, good) => {
    for (const [i, kind] of ['FO', 'FOEXP'].entries()) {
      h.run(`
      ${i}    ${i === 0 ? 'listen' : 'nothing'}
      ${i}    < S 0:0(0) win 1000 <${FULL},${kind}>
      ${i}    > S. 0:0(0) ack 1 <mss 1460,sackOK,TS val ${1000 * i} ecr 1,wscale 10,${kind} ${good}>
      ${i}    < R 1:1(0)
      ${i}    state LISTEN
      ${i}    mib TCPFastOpenCookieReqd ${i + 1}`);
    }
  },
);

dialogue(
  'RFC 7413 §4.2.2: text of a SYN with a bad cookie is not taken, and a good one comes',
  (t, h, good) => {
    h.run(`
    0     listen
    0     < S 0:100(100) win 1000 <${PLAIN},FO 0011223344556677>
    0     > S. 0:0(0) ack 1 <mss 1460,sackOK,FO ${good}>
    0     mib TCPFastOpenPassiveFail 1
    0.1   < P. 1:101(100) ack 1
    0.1   > . 1:1(0) ack 101
    0.1   read 100`);
    t.equal(infoOf(h).tcpi_options & (TCPI_OPT.SYN_DATA | TCPI_OPT.TFO_CHILD), 0);
  },
);

for (const [what, syn] of [
  ['shorter', 'FO 00112233'],
  ['too long to be one', 'FO 001122334455667788990011223344556677'],
] as const) {
  dialogue(`a cookie that is ${what} opens nothing`, (_t, h, good) => {
    const answer = what === 'shorter' ? `,FO ${good}` : '';
    h.run(`
      0  listen
      0  < S 0:0(0) win 1000 <mss 1000,${syn}>
      0  > S. 0:0(0) ack 1 <mss 1460${answer}>
      0  mib TCPFastOpenPassive 0`);
  });
}

dialogue(
  'a cookie of the backup key is good, and a new one comes with the SYN-ACK',
  (_t, h, good) => {
    h.tcp.fastOpenServer.setKeys(FastOpenKeys.fromText(`${OTHER_KEY},${KEY}`)!);
    h.run(`
    0     listen
    0     < S 0:100(100) win 1000 <${PLAIN},FO ${good}>
    0     > S. 0:0(0) ack 101 <mss 1460,sackOK,FO ${cookie(h, OTHER_KEY)}>
    0     state SYN-RECEIVED
    0     read 100
    0     mib TCPFastOpenPassive 1
    0     mib TCPFastOpenPassiveAltKey 1`);
    h.tcp.fastOpenServer.setKeys(FastOpenKeys.fromText(OTHER_KEY)!);
    h.run(`
    0.1   < R. 101:101(0) ack 1
    0.2   < S 0:100(100) win 1000 <${PLAIN},FO ${good}>
    0.2   > S. 0:0(0) ack 1 <mss 1460,sackOK,FO ${cookie(h, OTHER_KEY)}>`);
  },
);

dialogue('a listener may have keys of its own', (_t, h, good) => {
  h.tcp.fastOpenServer.setKeys(FastOpenKeys.fromText(OTHER_KEY)!);
  const settings = h.settings.own();
  settings.change({ fastOpenKeys: FastOpenKeys.fromText(KEY) });
  h.run(`
    0     listen
    0     < S 0:100(100) win 1000 <${PLAIN},FO ${good}>
    0     > S. 0:0(0) ack 101 <mss 1460,sackOK>
    0     read 100`);
});

// ---- who may ----

dialogue(
  'RFC 7413 §5.1: no more than so many begin by their SYN; the others shake hands',
  (t, h, good) => {
    h.isAccepting = false;
    h.run('0 listen');
    for (let i = 0; i < 5; i++) {
      h.peer.port = 5000 + i;
      h.run(`
      0     < S 0:100(100) win 10000 <${PLAIN},FO ${good}>
      0     > S. 0:0(0) ack ${i < 2 ? 101 : 1} <mss 1460,sackOK>`);
    }
    t.equal(h.listener!.fastOpens.length, 2);
    t.equal(h.mib('TCPFastOpenListenOverflow'), 3);
    h.peer.port = 5000;
    h.run('0.1 < R 101:101(0)');
    h.peer.port = 5005;
    h.run(`
    0.1   < S 0:100(100) win 10000 <${PLAIN},FO ${good}>
    0.1   > S. 0:0(0) ack 101 <*>`);
  },
  2,
);

dialogue(
  'RFC 7413 §5.1: one that was accepted and reset counts for a minute',
  (t, h, good) => {
    h.run(OPENED(good));
    h.run('0.1 < R 101:101(0)');
    const syn = (at: number, ack: number): void =>
      h.run(`
      ${at}  < S 0:100(100) win 10000 <${PLAIN},FO ${good}>
      ${at}  > S. 0:0(0) ack ${ack} <mss 1460,sackOK>
      ${at}  < R ${ack}:${ack}(0)`);
    syn(0.2, 1);
    syn(60, 1);
    syn(60.1, 101);
    t.equal(h.mib('TCPFastOpenListenOverflow'), 2);
  },
  1,
);

dialogue(
  'one that was reset before it was accepted counts in the accept queue',
  (t, h, good) => {
    h.isAccepting = false;
    h.run('0 listen 2');
    for (let i = 0; i < 3; i++) {
      h.run(`
        0  < S 0:100(100) win 10000 <${PLAIN},FO ${good}>
        0  > S. 0:0(0) ack 101 <*>
        0  < R 101:101(0)`);
    }
    h.run(`0 < S 0:100(100) win 10000 <${PLAIN},FO ${good}>`);
    t.equal(h.listener!.fastOpens.length, 0);
    t.equal(h.mib('ListenOverflows'), 1);
  },
  1,
);

const NO_COOKIE = `< S 0:100(100) win 10000 <${PLAIN}>`;
for (const [what, fastOpen, setting, ack] of [
  ['without the bit for servers', FAST_OPEN.CLIENT, '', 1],
  ['no cookie, none wanted by the sysctl', FAST_OPEN.SERVER | FAST_OPEN.SERVER_NO_COOKIE, '', 101],
  ['no cookie, none wanted by the socket', FAST_OPEN.SERVER, '0 set isFastOpenNoCookie true', 101],
  ['no cookie, and one is wanted', FAST_OPEN.SERVER, '', 1],
  ['TCP_FASTOPEN was not set', FAST_OPEN.SERVER, '0 set fastOpenQueue 0', 1],
] as const) {
  dialogue(
    `whether text of a SYN is taken: ${what}`,
    (_t, h, good) => {
      const line = what.startsWith('no cookie')
        ? NO_COOKIE
        : NO_COOKIE.replace('>', `,FO ${good}>`);
      h.run(`
        ${setting}
        0  listen
        0  ${line}
        0  > S. 0:0(0) ack ${ack} <mss 1460,sackOK>`);
    },
    4,
    { tcp: { fastOpen } },
  );
}

dialogue('a SYN with a FIN opens nothing', (_t, h, good) => {
  h.run(`
    0  listen
    0  < SF 0:100(100) win 10000 <${PLAIN},FO ${good}>
    1  state LISTEN`);
});

dialogue('memory is short: the SYN alone is acknowledged, its text comes again', (t, h, good) => {
  const { pages } = h.rig.memory;
  const taken: number[] = [];
  while (pages.free > pages.capacity >> 3) taken.push(pages.take());
  h.run(`
    0     listen
    0     < S 0:100(100) win 10000 <${PLAIN},FO ${good}>
    0     > S. 0:0(0) ack 1 <*>
    0     state SYN-RECEIVED
    0.1   < P. 1:101(100) ack 1
    0.1   > . 1:1(0) ack 101
    0.1   read 100`);
  t.equal(infoOf(h).tcpi_options & (TCPI_OPT.SYN_DATA | TCPI_OPT.TFO_CHILD), TCPI_OPT.TFO_CHILD);
  for (const page of taken) pages.release(page);
});

dialogue(
  'RFC 7413 §5.1: a flood of SYNs with a good cookie costs what TCP_FASTOPEN says, and no more',
  (t, h, good) => {
    h.run('0 listen 2000');
    h.trace = [];
    for (let i = 0; i < 3000; i++) {
      h.peer.port = 2000 + i;
      h.run(`${(i / 1000).toFixed(3)} < S 0:100(100) win 10000 <${PLAIN},FO ${good}>`);
    }
    t.equal(h.listener!.fastOpens.length, 16);
    t.equal(h.mib('TCPFastOpenPassive'), 16);
    t.equal(h.rig.memory.pages.held, 16, 'a page for each');
  },
  16,
);

dialogue(
  'in IPv6 as well',
  (_t, h, good) => {
    h.run(OPENED(good));
    h.run('0.1 < . 101:101(0) ack 1\n0.1 state ESTABLISHED');
  },
  4,
  { ...SERVER, v6: true },
);
