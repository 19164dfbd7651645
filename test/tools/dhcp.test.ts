/** `up --dhcp`, `--ipv4ll` and `ringway dhcp`: in virtual time, and from a command line. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { NEVER, SEC } from '../../src/base/time.ts';
import { formatAddress } from '../../src/wire/address-text.ts';
import { MacAddress } from '../../src/wire/mac.ts';
import { Autoconf4, dhcpText } from '../../tools/command/autoconf4.ts';
import { LeaseFile } from '../../tools/command/lease-file.ts';
import { programPath } from '../../tools/dev/requirements.ts';
import { arpFrame, watch } from '../autoconf/arp-rig.ts';
import { frame, said } from '../autoconf/dhcp-rig.ts';
import { dialogue, NetHarness } from '../net/rig.ts';
import { requires } from '../support/requires.ts';
import { Place } from './command-place.ts';

dialogue(
  'a link-local address stands in while no server answers, and goes when one does',
  (t, h) => {
    const auto = new Autoconf4(h.stack, h.port.iface, true, true);
    let xid = 0;
    const pass = (seconds: number): void => {
      watch(h, seconds, (seen) => {
        xid = said(seen)?.xid ?? xid;
        return '';
      });
    };
    auto.start();
    pass(9);
    t.equal(auto.linkLocal!.isUp, false, 'not at once');
    pass(20);
    t.equal(auto.linkLocal!.isUp, true);
    t.equal(dhcpText(auto.views(0)[0]!), 'eth0: selecting\n    DiscoversSent 4');
    h.giveFrame(frame({ xid }));
    h.giveFrame(frame({ xid, type: 'ACK' }));
    t.equal(auto.linkLocal!.isUp, true, 'until the other is known to be free');
    pass(9);
    t.equal(auto.linkLocal!.isUp, false);
    const [view] = auto.views(h.net.env.nowNs);
    t.match(view, {
      state: 'bound',
      address: '10.0.0.50/24',
      server: '10.0.0.2',
      nameservers: ['10.0.0.53'],
      domain: 'example.net',
      lifetime: 3591,
    });
    t.match(dhcpText(view!), /address 10\.0\.0\.50\/24 from 10\.0\.0\.2 lifetime 3591sec\n/);
    t.throws(() => auto.change(['renew', 'now']), { code: 'ERR_USAGE' });
    auto.change(['renew']);
    t.equal(auto.dhcp!.state, 'renewing');
    t.throws(() => auto.change(['renew']), { code: 'EALREADY' });
    auto.dhcp!.stop();
  },
  { addresses: [], gateway: false },
);

const NOBODY = { addresses: [], gateway: false } as const;

/** What a server says that never gives a lease, or somebody who has every address. */
const VAIN: Record<string, (h: NetHarness, xid: number) => void> = {
  'a server that offers and says no more': (h, xid) => void h.giveFrame(frame({ xid })),
  'a server that refuses': (h, xid) => {
    h.giveFrame(frame({ xid }));
    h.giveFrame(frame({ xid, type: 'NAK' }));
  },
  'an address that somebody has': (h, xid) => {
    h.giveFrame(frame({ xid }));
    h.giveFrame(frame({ xid, type: 'ACK' }));
    h.giveFrame(arpFrame({ sender: '10.0.0.50' }));
  },
};

for (const [name, says] of Object.entries(VAIN)) {
  for (const both of [false, true]) {
    t.test(`up says its line in spite of ${name}${both ? ', with --ipv4ll' : ''}`, async (t) => {
      const h = new NetHarness(NOBODY);
      const auto = new Autoconf4(h.stack, h.port.iface, true, both);
      auto.start();
      let xid = 0;
      await auto.settled(async (ms) => {
        watch(h, ms / 1000, (seen) => {
          xid = said(seen)?.xid ?? xid;
          return '';
        });
        says(h, xid);
        if (h.now > 60) throw new Error(`still ${auto.dhcp!.state}`);
      });
      t.equal(auto.linkLocal?.isUp ?? false, both);
      t.ok(both ? h.now > 15 && h.now < 25 : Math.abs(h.now - 15) < 0.1, `${h.now} s`);
      auto.dhcp!.stop();
      auto.linkLocal?.stop();
      h.close(t);
    });
  }
}

t.test('up --ipv4ll says its line although somebody claims each address', async (t) => {
  const h = new NetHarness(NOBODY);
  const auto = new Autoconf4(h.stack, h.port.iface, false, true);
  auto.start();
  await auto.settled(async (ms) => {
    watch(h, ms / 1000);
    h.giveFrame(arpFrame({ sender: formatAddress(auto.linkLocal!.address) }));
    if (h.now > 60) throw new Error('still waiting');
  });
  t.ok(Math.abs(h.now - 10) < 0.1, `${h.now} s`);
  auto.linkLocal!.stop();
  h.close(t);
});

t.test(
  'up --ipv4ll takes a link-local address; without --dhcp there is nothing to renew',
  async (t) => {
    const place = new Place(t);
    const stack = await place.up(['--memory', '--ipv4ll']);
    const [, link] = (await place.json('addr', '-4', '-j')) as { addr_info: object[] }[];
    t.match(link!.addr_info, [{ local: /^169\.254\./, prefixlen: 16, scope: 'link' }]);
    const { code, err } = await place.run('dhcp', 'renew');
    t.equal(code, 3);
    t.match(err, /no DHCP client here/);
    t.same(await place.json('dhcp', '-j'), []);
    stack.child.kill('SIGTERM');
    t.equal(await stack.ended, 0);
  },
);

t.test(
  'a lease is the same after it was a file, and what is no lease file stays as it is',
  async (t) => {
    const folder = t.testdir({});
    const path = join(folder, 'lease');
    let laterMs = 0;
    const h = new NetHarness(NOBODY);
    const wallMs = (): number => Date.UTC(2030, 0, 1) + h.now * 1000 + laterMs;
    const bound = (of: NetHarness): Autoconf4 => {
      const file = new LeaseFile(path, wallMs);
      const auto = new Autoconf4(of.stack, of.port.iface, true, false, file);
      auto.start();
      return auto;
    };
    const victim = join(folder, 'victim');
    writeFileSync(victim, 'theirs');
    symlinkSync(victim, `${path}.${process.pid}`);
    const auto = bound(h);
    t.equal(readFileSync(victim, 'utf8'), 'theirs', 'no stranger’s link is written through');
    t.match(JSON.parse(readFileSync(path, 'utf8')), { mac: h.port.device.mac.toString() });
    t.equal(statSync(path).mode & 0o777, 0o600);
    let xid = 0;
    watch(h, 1, (seen) => {
      xid = said(seen)?.xid ?? xid;
      return '';
    });
    h.giveFrame(frame({ xid }));
    h.giveFrame(frame({ xid, type: 'ACK' }));
    watch(h, 9);
    t.equal(auto.dhcp!.state, 'bound');
    const { lease } = auto.dhcp!;
    await auto.release(() => undefined);
    t.equal(auto.dhcp!.state, 'bound', 'it is not given back');
    h.stop();
    laterMs += 100_000;
    const file = new LeaseFile(path, wallMs);
    t.equal(file.mac?.toString(), h.port.device.mac.toString());
    const kept = file.remembered(h.port.device.mac, 5 * SEC);
    t.same(kept?.lease, lease);
    const age = (5 * SEC - kept!.obtainedNs) / SEC;
    t.ok(Math.abs(age - 109) < 0.1, `its age, ${age} s, is that of the request`);
    t.equal(kept!.untilNs, kept!.obtainedNs + 3600 * SEC);
    t.equal(file.remembered(MacAddress.parse('02:00:00:00:00:99')!, 0), null, 'of another address');
    laterMs -= 1e9;
    t.equal(
      file.remembered(h.port.device.mac, 5 * SEC)!.obtainedNs,
      5 * SEC,
      'a clock that was set back',
    );

    const again = new NetHarness(NOBODY);
    const second = bound(again);
    t.equal(second.dhcp!.state, 'rebooting');
    watch(again, 1, (seen) => {
      xid = said(seen)?.xid ?? xid;
      return '';
    });
    again.giveFrame(frame({ xid, type: 'NAK' }));
    t.notMatch(JSON.parse(readFileSync(path, 'utf8')), { lease: {} }, 'a NAK is kept as well');
    second.dhcp!.stop();
    again.stop();

    const good = { mac: '02:00:00:00:00:01', lease: textOfLease() };
    const bad: unknown[] = [
      ...['', 'no JSON', [], 7, {}, { mac: 'x' }, { mac: 7 }],
      ...[
        { ...good, mac: 'ff:ff:ff:ff:ff:ff' },
        { ...good, mac: '00:00:00:00:00:00' },
      ],
      ...[
        { address: '10.0.0.5/33' },
        { address: '127.0.0.1/8' },
        { server: 'x' },
        { obtained: 'x' },
      ],
      ...[{ lease: -1 }, { renew: 3200 }, { rebind: null }, { routes: 'x' }, { routes: ['x y z'] }],
      ...[
        { routes: ['10.0.0.0/8 224.0.0.1'] },
        { nameservers: [7] },
        { domain: 'a b' },
        { mtu: -1 },
      ],
      ...[{ address: '10.0.0.5/0' }, { domain: 7 }, { domain: 'a'.repeat(254) }],
      ...[{ routes: Array(257).fill('10.1.0.0/16') }, { nameservers: Array(17).fill('10.0.0.53') }],
      ' '.repeat(1 << 20) + JSON.stringify(good),
    ];
    for (const one of bad) {
      const isPart =
        typeof one === 'object' &&
        one !== null &&
        !Array.isArray(one) &&
        Object.keys(one).length > 0;
      const isLease = isPart && !('mac' in one);
      const text = isLease
        ? JSON.stringify({ ...good, lease: { ...good.lease, ...one } })
        : typeof one === 'string'
          ? one
          : JSON.stringify(one);
      writeFileSync(path, text);
      t.throws(
        () => new LeaseFile(path),
        { code: 'EINVAL', message: /no lease file; remove it/ },
        text,
      );
      t.equal(readFileSync(path, 'utf8'), text);
    }
    const ever = { ...good.lease, lease: null, renew: null, rebind: null };
    for (const [lease, untilNs] of [
      [good.lease, -9 * SEC + 3600 * SEC],
      [ever, NEVER],
    ] as const) {
      writeFileSync(path, JSON.stringify({ ...good, lease }));
      const at = () => Date.UTC(2030, 0, 1) + 10_000;
      const is = new LeaseFile(path, at).remembered(MacAddress.parse(good.mac)!, 1 * SEC);
      t.equal(is?.untilNs, untilNs);
    }
    t.throws(() => new LeaseFile(join(folder, 'nosuch', 'lease')), { code: 'ENOENT' });
    // Its own folder may be out of bounds; a link's is not.
    symlinkSync('/dev/zero', join(folder, 'zero'));
    t.throws(() => new LeaseFile(join(folder, 'zero')), { code: 'EINVAL' });
    t.throws(() => new LeaseFile(folder), { code: 'EINVAL' });
  },
);

function textOfLease(): object {
  return {
    ...{ address: '10.0.0.5/24', server: '10.0.0.2', obtained: '2030-01-01T00:00:00.000Z' },
    ...{ lease: 3600, renew: 1800, rebind: 3150, routes: ['0.0.0.0/0 10.0.0.1', '10.1.0.0/16'] },
    ...{ nameservers: ['10.0.0.53'], domain: 'example.net', mtu: 0 },
  };
}

t.test(
  'up --dhcp-lease: the address is asked for at the next start (dnsmasq), and given up when the server says so',
  {
    skip: requires({
      root: true,
      tun: true,
      addon: true,
      programs: ['unshare', 'nsenter', 'ip', 'dnsmasq'],
    }),
    timeout: 300_000,
  },
  async (t) => {
    const place = new Place(t);
    const keeper = spawn('unshare', ['-n', 'sleep', '300'], { stdio: 'ignore' });
    t.teardown(() => void keeper.kill('SIGKILL'));
    const where = `/proc/${keeper.pid}/ns/net`;
    const own = statSync('/proc/self/ns/net').ino;
    while (statSync(where).ino === own) await new Promise((done) => setTimeout(done, 2));
    const enter = [programPath('nsenter')!, `--net=${where}`];
    const lines = [
      'ip tuntap add mode tap name ring0',
      'ip link set ring0 up',
      'ip addr add 10.9.0.1/24 dev ring0',
    ];
    for (const line of lines) {
      t.equal(spawnSync(enter[0]!, [...enter.slice(1), ...line.split(' ')]).status, 0, line);
    }
    const serve = (first: string, name: string): ChildProcess =>
      spawn(
        enter[0]!,
        [
          ...[...enter.slice(1), programPath('dnsmasq')!, '--keep-in-foreground', '--port=0'],
          ...[
            '--conf-file=/dev/null',
            '--user=root',
            '--no-ping',
            '--interface=ring0',
            '--pid-file=',
          ],
          ...['--bind-interfaces', '--dhcp-authoritative', `--dhcp-range=${first},${first},600`],
          `--dhcp-leasefile=${join(place.folder, name)}`,
        ],
        { stdio: 'ignore' },
      );
    const ended = (child: ChildProcess): Promise<unknown> =>
      child.exitCode === null ? new Promise((done) => child.once('exit', done)) : Promise.resolve();
    let server = serve('10.9.0.50', 'one');
    t.teardown(() => void server.kill('SIGKILL'));
    const args = ['--tap', 'ring0', '--dhcp', '--dhcp-lease', 'lease.json'];
    const seen = async (): Promise<Record<string, unknown>> =>
      ((await place.json('dhcp', '-j')) as unknown as Record<string, unknown>[])[0]!;

    const first = await place.up(args, enter);
    t.match(await seen(), {
      state: 'bound',
      address: '10.9.0.50/24',
      counters: { DiscoversSent: 1 },
    });
    first.child.kill('SIGKILL');
    await first.ended;

    const second = await place.up(args, enter);
    t.equal(second.mac, first.mac, 'the MAC address is that of the lease');
    const after = await seen();
    t.match(after, { state: 'bound', address: '10.9.0.50/24' });
    t.match(
      after.counters,
      { RequestsSent: 1, AcksIn: 1, DiscoversSent: undefined },
      'one question',
    );
    second.child.kill('SIGTERM');
    t.equal(await second.ended, 0);
    t.match(
      readFileSync(join(place.folder, 'one'), 'utf8'),
      /10\.9\.0\.50/,
      'nothing was given back',
    );

    server.kill('SIGTERM');
    await ended(server);
    server = serve('10.9.0.60', 'two');
    const third = await place.up(args, enter);
    const moved = await seen();
    t.match(moved, { state: 'bound', address: '10.9.0.60/24', counters: { NaksIn: 1 } });
    const kept: { lease: object } = JSON.parse(
      readFileSync(join(place.folder, 'lease.json'), 'utf8'),
    );
    t.match(kept.lease, { address: '10.9.0.60/24', lease: 600 });
    t.equal((await place.run('dhcp', 'release')).code, 0);
    third.child.kill('SIGTERM');
    t.equal(await third.ended, 0);
    t.same(
      Object.keys(JSON.parse(readFileSync(join(place.folder, 'lease.json'), 'utf8'))),
      ['mac'],
      'a release is for good',
    );

    const fourth = await place.up(['--tap', 'ring0', '--dhcp'], enter);
    t.match(await seen(), { state: 'bound', address: '10.9.0.60/24' });
    t.match(readFileSync(join(place.folder, 'two'), 'utf8'), /10\.9\.0\.60/);
    fourth.child.kill('SIGTERM');
    t.equal(await fourth.ended, 0);
    const isFree = () => !readFileSync(join(place.folder, 'two'), 'utf8').includes('10.9.0.60');
    for (let i = 0; i < 200 && !isFree(); i++) await new Promise((done) => setTimeout(done, 20));
    t.ok(isFree(), 'without a file an orderly end gives the lease back');
    server.kill('SIGTERM');
    await ended(server);
  },
);
