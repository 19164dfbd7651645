/** Sends SYNs from made-up addresses, a hundred a millisecond: `node syn-generator.ts IFACE OUR_MAC ADDRESS PORT COUNT SEED`. */
import { Memory } from '../../src/base/memory.ts';
import { Rng } from '../../src/base/rng.ts';
import { PacketDevice } from '../../src/live/packet-device.ts';
import { IpAddress } from '../../src/wire/address.ts';
import { parseAddress } from '../../src/wire/address-text.ts';
import { foldSum } from '../../src/wire/checksum.ts';
import { ETH_HEADER_LEN, ETHERTYPE_IPV4, writeEthernet } from '../../src/wire/ethernet.ts';
import { IPPROTO } from '../../src/wire/ip-protocol.ts';
import { IPV4_DF, IPV4_HEADER_LEN, writeIpv4 } from '../../src/wire/ipv4.ts';
import { MacAddress } from '../../src/wire/mac.ts';
import { pseudoHeaderSum } from '../../src/wire/pseudo-header.ts';
import { seqOf } from '../../src/wire/seq.ts';
import { TCP_CHECKSUM, TCP_FLAG, TCP_HEADER_LEN, writeTcp } from '../../src/wire/tcp.ts';

const [iface, macText, addressText, portText, countText, seedText] = process.argv.slice(2);
const mac = MacAddress.parse(macText!)!;
const to = parseAddress(addressText!)!;
const random = new Rng(Number(seedText)).stream('SYNs');
const memory = new Memory({ slabBytes: 64 << 20, chunks: 16, cellBytes: 1 << 20 });
const device = new PacketDevice(memory, { interface: iface!, ringBytes: 1 << 20 });
const from = new IpAddress();
/** MSS 1460, SACK permitted, timestamps, window scale 7. */
const OPTIONS = [2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 1, 0, 0, 0, 0, 0, 1, 3, 3, 7];
const L4 = ETH_HEADER_LEN + IPV4_HEADER_LEN;
const A_MILLISECOND = 100;

/** False: the ring is full. */
function queue(): boolean {
  const tcpLen = TCP_HEADER_LEN + OPTIONS.length;
  const at = device.tx.reserve(L4 + tcpLen);
  if (at < 0 || device.tx.begin() < 0) return false;
  const { dv, u8 } = memory.slab;
  from.setV4(0xc6120000 | (random.int32() & 0x1ffff)); // 198.18.0.0/15 (RFC 2544)
  writeEthernet(dv, at, mac.high, mac.low, 0x0200, 1, ETHERTYPE_IPV4);
  const total = IPV4_HEADER_LEN + tcpLen;
  writeIpv4(dv, at + ETH_HEADER_LEN, 0, total, 0, IPV4_DF, 64, IPPROTO.TCP, from.w3, to.w3);
  const [sport, seq] = [1024 + random.below(60000), seqOf(random.int32())];
  writeTcp(dv, at + L4, sport, Number(portText), seq, seqOf(0), tcpLen, TCP_FLAG.SYN, 64240, 0);
  u8.set(OPTIONS, at + L4 + TCP_HEADER_LEN);
  dv.setUint16(at + L4 + TCP_CHECKSUM, foldSum(pseudoHeaderSum(from, to, IPPROTO.TCP, tcpLen)));
  device.tx.add(at, L4 + tcpLen);
  device.tx.setChecksum(L4, TCP_CHECKSUM);
  device.tx.commit();
  return true;
}

const count = Number(countText);
for (let sent = 0; sent < count; ) {
  for (let i = 0; i < A_MILLISECOND && sent < count && queue(); i++) sent++;
  device.txFlush();
  await new Promise((done) => setTimeout(done, 1));
}
for (let tried = 0; device.txFlush() > 0 && tried < 2000; tried++) {
  await new Promise((done) => setTimeout(done, 1));
}
const left = device.tx.inFlight;
process.stdout.write(JSON.stringify({ sent: count - left - device.stats.get('txDropped'), left }));
device.close();
