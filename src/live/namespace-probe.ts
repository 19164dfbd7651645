/** Run inside a fresh namespace by `detectWorld`: 0 when AF_PACKET over a veth is possible here. */
import { getSystemErrorName } from 'node:util';
import { loadAddon } from './addon.ts';
import { createVeth } from './netlink.ts';

interface ProbeAddon {
  canOpenPacketSocket(): number;
}

try {
  createVeth('probe0', 'probe1');
  const status = loadAddon<ProbeAddon>().canOpenPacketSocket();
  if (status < 0) throw new Error(`${getSystemErrorName(status)}: no packet socket`);
} catch (error) {
  console.log((error as Error).message);
  process.exitCode = 1;
}
