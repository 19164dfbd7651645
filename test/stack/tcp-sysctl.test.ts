/** TCP's settings under Linux's names: defaults, units, what is refused. That each acts is shown where it does. */
import t from 'tap';
import { EACCES, EINVAL, ENOENT } from '../../src/base/errno.ts';
import { MS, SEC } from '../../src/base/time.ts';
import { reno } from '../../src/cc/reno.ts';
import {
  ALLOWED_CC,
  AVAILABLE_CC,
  readTcpSysctl,
  TCP_SYSCTLS,
  writeTcpSysctl,
} from '../../src/stack/tcp-sysctl.ts';
import { NetHarness } from '../net/rig.ts';

/** Linux 6.18's. */
const DEFAULTS: Readonly<Record<string, string>> = {
  'net.core.somaxconn': '4096',
  'net.ipv4.tcp_abort_on_overflow': '0',
  'net.ipv4.tcp_comp_sack_delay_ns': '1000000',
  'net.ipv4.tcp_comp_sack_nr': '44',
  'net.ipv4.tcp_dsack': '1',
  'net.ipv4.tcp_ecn': '2',
  'net.ipv4.tcp_ecn_fallback': '1',
  'net.ipv4.tcp_early_retrans': '3',
  'net.ipv4.tcp_fastopen': '1',
  'net.ipv4.tcp_fastopen_blackhole_timeout_sec': '0',
  'net.ipv4.tcp_fin_timeout': '60',
  'net.ipv4.tcp_frto': '2',
  'net.ipv4.tcp_invalid_ratelimit': '500',
  'net.ipv4.tcp_keepalive_intvl': '75',
  'net.ipv4.tcp_keepalive_probes': '9',
  'net.ipv4.tcp_keepalive_time': '7200',
  'net.ipv4.tcp_max_reordering': '300',
  'net.ipv4.tcp_max_tw_buckets': '262144',
  'net.ipv4.tcp_migrate_req': '0',
  'net.ipv4.tcp_min_rtt_wlen': '300',
  'net.ipv4.tcp_min_snd_mss': '48',
  'net.ipv4.tcp_min_tso_segs': '2',
  'net.ipv4.tcp_moderate_rcvbuf': '1',
  'net.ipv4.tcp_max_syn_backlog': '4096',
  'net.ipv4.tcp_notsent_lowat': '4294967295',
  'net.ipv4.tcp_orphan_retries': '0',
  'net.ipv4.tcp_pacing_ca_ratio': '120',
  'net.ipv4.tcp_pacing_ss_ratio': '200',
  'net.ipv4.tcp_recovery': '1',
  'net.ipv4.tcp_reordering': '3',
  'net.ipv4.tcp_retries2': '15',
  'net.ipv4.tcp_rfc1337': '0',
  'net.ipv4.tcp_rmem': '4096\t131072\t33554432',
  'net.ipv4.tcp_rto_max_ms': '120000',
  'net.ipv4.tcp_rto_min_us': '200000',
  'net.ipv4.tcp_sack': '1',
  'net.ipv4.tcp_slow_start_after_idle': '1',
  'net.ipv4.tcp_stdurg': '0',
  'net.ipv4.tcp_syncookies': '1',
  'net.ipv4.tcp_syn_linear_timeouts': '4',
  'net.ipv4.tcp_syn_retries': '6',
  'net.ipv4.tcp_synack_retries': '5',
  'net.ipv4.tcp_timestamps': '1',
  'net.ipv4.tcp_tso_rtt_log': '9',
  'net.ipv4.tcp_tso_win_divisor': '3',
  'net.ipv4.tcp_tw_reuse': '2',
  'net.ipv4.tcp_tw_reuse_delay': '1000',
  'net.ipv4.tcp_window_scaling': '1',
  'net.ipv4.tcp_wmem': '4096\t16384\t4194304',
};

t.test('TCP starts with Linux’s defaults', async (t) => {
  const h = new NetHarness();
  for (const [name, value] of Object.entries(DEFAULTS)) {
    t.equal(readTcpSysctl(h.stack.tcp, name), value, name);
  }
  h.close(t);
});

t.test('tcp_mem is three, four and six parts of what the slab has for TCP', async (t) => {
  const h = new NetHarness();
  const { capacity, blockBytes } = h.stack.env.memory.pages;
  const all = (capacity * blockBytes) / 4096;
  const mem = readTcpSysctl(h.stack.tcp, 'net.ipv4.tcp_mem')!.split('\t').map(Number);
  t.ok(all > 1000 && mem[2]! <= all && mem[2]! > all - 8, `${mem} of ${all}`);
  t.equal(mem[2], 2 * mem[0]!);
  t.ok(Math.abs(mem[1]! * 3 - mem[0]! * 4) < 16);
  h.close(t);
});

t.test('what is written is read, in the same units', async (t) => {
  const h = new NetHarness();
  const { tcp } = h.stack;
  for (const { name, fields, min, max } of TCP_SYSCTLS) {
    for (const bound of [min, max]) {
      const text = fields.map(() => bound).join('\t');
      t.equal(writeTcpSysctl(tcp, name, ` ${text}\n`), 0, name);
      t.equal(readTcpSysctl(tcp, name), text, name);
    }
    const outside = [min - 1, max + 1].map((n) => fields.map(() => n).join(' '));
    for (const bad of ['', 'x', '1.5', '1 2', ...outside]) {
      t.equal(writeTcpSysctl(tcp, name, bad), -EINVAL, `${name} = ${bad}`);
    }
  }
  t.equal(writeTcpSysctl(tcp, 'net.ipv4.tcp_fin_timeout', '0x1e'), 0);
  t.equal(tcp.config.finTimeoutNs, 30 * SEC);
  t.equal(writeTcpSysctl(tcp, 'net.ipv4.tcp_rto_min_us', '5000'), 0);
  t.equal(tcp.config.minRtoNs, 5 * MS);
  t.equal(writeTcpSysctl(tcp, 'net.ipv4.tcp_no_such', '1'), -ENOENT);
  t.equal(readTcpSysctl(tcp, 'net.ipv4.tcp_no_such'), undefined);
  h.close(t);
});

t.test('the keys of Fast Open', async (t) => {
  const h = new NetHarness();
  const { tcp } = h.stack;
  const name = 'net.ipv4.tcp_fastopen_key';
  t.match(readTcpSysctl(tcp, name), /^0{8}(-0{8}){3}$/, 'none yet');
  tcp.fastOpenServer.needKeys();
  const random = readTcpSysctl(tcp, name)!;
  t.match(random, /^[0-9a-f]{8}(-[0-9a-f]{8}){3}$/);
  t.notMatch(random, /^0{8}(-0{8}){3}$/);
  const two = '00000001-00000002-00000003-00000004,a1a1a1a1-b2b2b2b2-c3c3c3c3-d4d4d4d4';
  t.equal(writeTcpSysctl(tcp, name, `${two}\n`), 0);
  t.equal(readTcpSysctl(tcp, name), two);
  for (const bad of ['', '1-2-3', `${two},1-2-3-4`])
    t.equal(writeTcpSysctl(tcp, name, bad), -EINVAL);
  t.equal(readTcpSysctl(tcp, name), two, 'nothing has changed');
  h.close(t);
});

t.test('congestion control by name', async (t) => {
  const h = new NetHarness();
  const { tcp } = h.stack;
  const name = 'net.ipv4.tcp_congestion_control';
  t.equal(readTcpSysctl(tcp, name), 'cubic', 'the default of Linux');
  t.equal(readTcpSysctl(tcp, AVAILABLE_CC), 'cubic reno bbr bbr3 dctcp vegas');
  t.equal(writeTcpSysctl(tcp, AVAILABLE_CC, 'reno'), -EACCES);
  t.equal(writeTcpSysctl(tcp, ALLOWED_CC, 'reno illinois'), -ENOENT);
  t.equal(readTcpSysctl(tcp, ALLOWED_CC), 'cubic reno bbr bbr3', 'nothing has changed');
  t.equal(writeTcpSysctl(tcp, ALLOWED_CC, 'cubic\n'), 0);
  t.equal(readTcpSysctl(tcp, ALLOWED_CC), 'cubic');
  t.equal(writeTcpSysctl(tcp, name, 'reno\n'), 0);
  t.equal(readTcpSysctl(tcp, name), 'reno');
  t.equal(tcp.ccModules.defaultModule, reno);
  t.equal(writeTcpSysctl(tcp, name, 'illinois'), -ENOENT);
  t.equal(readTcpSysctl(tcp, name), 'reno');
  h.close(t);
});
