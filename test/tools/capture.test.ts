/**
 * What `ringway capture` and `up --capture` write of tagged frames, as tshark reads it: on AF_PACKET, where the kernel takes
 * the tag out and hands it over beside the frame, with vnet headers and without, both ways.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { programPath } from '../../tools/dev/requirements.ts';
import { requires } from '../support/requires.ts';
import { Place } from './command-place.ts';

const programs = ['unshare', 'nsenter', 'ip', 'tshark'];
const skip = requires({ root: true, addon: true, programs });

t.setTimeout(300_000);

/** One line a frame: direction, VLAN, priority, what it is; checksums that are wrong say so. */
function read(file: string): string[] {
  const fields = ['frame.packet_flags_direction', 'vlan.id', 'vlan.priority', '_ws.col.Protocol'];
  const wrong = ['udp.checksum.status', 'icmp.checksum.status', 'ip.checksum.status'];
  const args = [
    ...[
      '-r',
      file,
      '-n',
      '-Y',
      'icmp or udp.dstport > 33000',
      '-T',
      'fields',
      '-E',
      'separator=/s',
    ],
    ...['-E', 'occurrence=f', '-o', 'udp.check_checksum:TRUE', '-o', 'ip.check_checksum:TRUE'],
    ...[...fields, ...wrong].flatMap((f) => ['-e', f]),
  ];
  const { status, stdout, stderr } = spawnSync(programPath('tshark')!, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return stdout.trim().split('\n');
}

t.test('tags are in the file as they were on the wire', { skip }, async (t) => {
  const place = new Place(t);
  const keeper = spawn('unshare', ['-n', 'sleep', '300'], { stdio: 'ignore' });
  t.teardown(() => void keeper.kill('SIGKILL'));
  const where = `/proc/${keeper.pid}/ns/net`;
  const own = statSync('/proc/self/ns/net').ino;
  while (statSync(where).ino === own) await new Promise((done) => setTimeout(done, 2));
  const enter = [programPath('nsenter')!, `--net=${where}`];
  const veth = ['ip', 'link', 'add', 'v0', 'type', 'veth', 'peer', 'name', 'v1'];
  for (const words of [
    veth,
    ['ip', 'link', 'set', 'v0', 'up'],
    ['ip', 'link', 'set', 'v1', 'up'],
  ]) {
    t.equal(spawnSync(enter[0]!, [...enter.slice(1), ...words]).status, 0, words.join(' '));
  }
  const args = (side: string, address: string, ...more: string[]) => [
    ...['--packet', side, '--name', side, '--vlan', `100=${address}/24`],
    ...['--capture', `${side}.pcapng`, ...more],
  ];
  const left = await place.up(args('v0', '10.100.0.1'), enter);
  const right = await place.up(args('v1', '10.100.0.2', '--no-vnet'), enter);
  const does = async (...words: string[]): Promise<void> => {
    const { code, err } = await place.run(...words, '--name', 'v0');
    t.equal(code, 0, `${words.join(' ')} ${err}`);
  };
  await does('link', 'set', 'v0.100', 'type', 'vlan', 'egress-qos-map', '0:5');
  await does('ping', '-c', '1', '-s', '1000', '10.100.0.2');
  await does('traceroute', '-q', '1', '-m', '1', '10.100.0.2');
  const live = place.run('capture', '-w', 'live.pcapng', '-c', '6', '-i', 'v0', '--name', 'v0');
  const file = join(place.folder, 'live.pcapng');
  while (!existsSync(file) || statSync(file).size === 0)
    await new Promise((d) => setTimeout(d, 10));
  await does('ping', '-q', '-c', '10', '-i', '0.02', '10.100.0.2');
  t.equal((await live).code, 0);
  for (const { child, ended } of [left, right]) {
    child.kill('SIGTERM');
    t.equal(await ended, 0);
  }
  const [IN, OUT] = ['0x00000001', '0x00000002'];
  // Checksums: 1 is good. What stands in an ICMP error's quotation is looked at as well.
  t.match(
    read(join(place.folder, 'v0.pcapng')).slice(0, 4),
    [
      new RegExp(`^${OUT} 100 5 ICMP {2}1 1$`),
      new RegExp(`^${IN} 100 0 ICMP {2}1 1$`),
      new RegExp(`^${OUT} 100 5 UDP 1 {2}1$`),
      new RegExp(`^${IN} 100 0 ICMP \\d 1 1$`),
    ],
    'with vnet headers',
  );
  // A veth leaves sums undone that its other end left undone; who has no vnet header is not told where they stand.
  t.match(
    read(join(place.folder, 'v1.pcapng')).slice(0, 4),
    [
      new RegExp(`^${IN} 100 5 ICMP`),
      new RegExp(`^${OUT} 100 0 ICMP {2}1 1$`),
      new RegExp(`^${IN} 100 5 UDP`),
      new RegExp(`^${OUT} 100 0 ICMP \\d 1 1$`),
    ],
    'without',
  );
  t.match(
    read(file).slice(0, 1),
    [new RegExp(`^${OUT} 100 5 ICMP`)],
    'and over the control socket',
  );
});
