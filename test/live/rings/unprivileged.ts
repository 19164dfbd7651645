/** Run without any rights by packet-trouble.ts: prints how opening fails. */
import { PacketDevice } from '../../../src/live/packet-device.ts';
import { TapDevice } from '../../../src/live/tap-device.ts';
import { codeOf, smallMemory } from './rig.ts';

const tap = codeOf(() => new TapDevice(smallMemory()));
const packet = codeOf(() => new PacketDevice(smallMemory(), { interface: 'lo' }));
console.log('tap', tap.code, tap.message);
console.log('packet', packet.code, packet.message);
