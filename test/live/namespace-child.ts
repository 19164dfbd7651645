/** What a test does inside a namespace of its own: `namespace-child.ts <scenario>`; prints one line of JSON. */
import { kernelEcho } from '../../src/live/kernel-echo.ts';
import { namespaceOf, onStop } from '../../src/live/namespace.ts';
import {
  addAddress,
  addRoute,
  createBridge,
  createVeth,
  deleteLink,
  findLink,
  getLink,
  listAddresses,
  listLinks,
  readSysctl,
  removeAddress,
  removeRoute,
  setLink,
  writeSysctl,
} from '../../src/live/netlink.ts';
import { MacAddress } from '../../src/wire/mac.ts';

/** The error's code, errno, syscall and message; 'nothing' when there is none. */
function refusal(action: () => void): unknown {
  try {
    action();
    return 'nothing';
  } catch (error) {
    const { code, errno, syscall, message } = error as NodeJS.ErrnoException;
    return { code, errno, syscall, message };
  }
}

function links(): object {
  const mac = new MacAddress(0x0242, 0x0a0b0c0d);
  createVeth('veth-a', 'veth-b', { mac, mtu: 1400, txQueueLen: 77 }, { isUp: true });
  const made = getLink('veth-a');
  setLink('veth-a', { isUp: true, mtu: 9000, mac: new MacAddress(0x0242, 1), txQueueLen: 500 });
  const changed = getLink('veth-a');
  createBridge('br0', { isUp: true });
  setLink('veth-b', { master: 'br0' });
  const isPort = getLink('veth-b').masterIndex === getLink('br0').index;
  setLink('veth-b', { master: null });
  setLink('veth-a', { isUp: false });
  const down = getLink('veth-a');
  const names = listLinks().map((link) => `${link.name} ${link.kind}`);
  const refusals = [
    refusal(() => getLink('none')),
    refusal(() => createBridge('br0')),
    refusal(() => setLink('veth-a', { mtu: 20 })),
    refusal(() => createBridge('a name that is too long')),
  ];
  deleteLink('veth-a');
  return {
    made: { ...made, mac: String(made.mac), stats: 0 },
    changed: { ...changed, mac: String(changed.mac), stats: 0 },
    isPort,
    isFree: getLink('br0').masterIndex,
    isDown: [down.isUp, down.hasCarrier],
    names,
    peerAfterDelete: findLink('veth-b'),
    refusals,
  };
}

function addresses(): object {
  setLink('lo', { isUp: true });
  createVeth('veth-a', 'veth-b', { isUp: true }, { isUp: true });
  writeSysctl('ipv6/conf/veth-b/disable_ipv6', 1);
  const sysctl = readSysctl('ipv6/conf/veth-b/disable_ipv6');
  addAddress('veth-a', '10.1.2.3', 24);
  addAddress('veth-a', 'fd00::1', 64, { nodad: true });
  addAddress('veth-a', 'fd00::2', 64);
  addRoute({ destination: '0.0.0.0', prefixLen: 0, via: '10.1.2.254', metric: 50 });
  addRoute({ destination: 'fd01::', prefixLen: 48, via: 'fd00::9' });
  addRoute({ destination: '10.9.0.0', prefixLen: 16, device: 'veth-a', source: '10.1.2.3' });
  const { index } = getLink('veth-a');
  const listed = listAddresses().filter((a) => a.linkIndex === index);
  const again = refusal(() =>
    addRoute({ destination: '10.9.0.0', prefixLen: 16, device: 'veth-a' }),
  );
  removeRoute({ destination: '10.9.0.0', prefixLen: 16 });
  const gone = refusal(() => removeRoute({ destination: '10.9.0.0', prefixLen: 16 }));
  removeAddress('veth-a', '10.1.2.3', 24);
  const left = listAddresses().filter((a) => a.linkIndex === index && a.prefixLen === 24).length;
  const refusals = [
    again,
    gone,
    refusal(() => addAddress('veth-a', 'fd00::1', 64)),
    refusal(() => addAddress('veth-a', '300.1.1.1', 24)),
    refusal(() => addRoute({ destination: '10.8.0.0', prefixLen: 16, via: '192.0.2.1' })),
  ];
  deleteLink('veth-a');
  return {
    sysctl,
    listed: listed
      .filter((a) => !a.address.startsWith('fe80'))
      .map((a) => `${a.address}/${a.prefixLen}${a.isTentative ? ' tentative' : ''}`)
      .sort(),
    left,
    refusals,
  };
}

async function echo(): Promise<object> {
  setLink('lo', { isUp: true });
  createVeth('veth-a', 'veth-b', { isUp: true }, { isUp: true });
  addAddress('veth-a', '10.1.2.3', 24);
  const answered = [];
  for (const target of ['127.0.0.1', '::1', '::1%lo']) {
    for (const size of [0, 1, 56, 1473, 65507]) {
      const { rttNs, ...result } = await kernelEcho(target, { size, count: 3 });
      answered.push({ target, size, ...result, rtts: rttNs.filter((ns) => ns > 0).length });
    }
  }
  const silent = await kernelEcho('10.1.2.4', { count: 1, timeoutMs: 20 });
  const unreachable = await kernelEcho('192.0.2.1', { count: 2, timeoutMs: 20 });
  return {
    answered,
    silent: [silent.sent, silent.received],
    unreachable: [unreachable.sent, unreachable.received, unreachable.error],
  };
}

/** Announces itself and waits to be told to stop. */
function wait(): object {
  onStop(() => {
    console.log(JSON.stringify({ stopped: true }));
    clearInterval(busy);
    process.exitCode = 3;
  });
  const busy = setInterval(() => undefined, 1000);
  return { pid: process.pid, net: namespaceOf('self', 'net'), uid: process.getuid?.() };
}

/** Ignores every request. */
function stubborn(): object {
  onStop(() => undefined);
  setInterval(() => undefined, 1000);
  return { pid: process.pid };
}

/** One start of a process for all that needs a namespace and no second process. */
async function network(): Promise<object> {
  return { links: links(), addresses: addresses(), echo: await echo() };
}

const scenarios = { network, wait, stubborn };
const scenario = scenarios[process.argv[2] as keyof typeof scenarios];
console.log(JSON.stringify(await scenario()));
