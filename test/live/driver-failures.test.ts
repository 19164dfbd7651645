import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { InvariantError } from '../../src/base/assert.ts';
import { EIO, EMFILE, ENETDOWN, ENODEV } from '../../src/base/errno.ts';
import { Memory } from '../../src/base/memory.ts';
import { type DeviceReport, type HostReport, LiveDriver } from '../../src/live/driver.ts';
import { requires } from '../support/requires.ts';
import { RxFifo, smallMemory, TxFifo } from './fifo-device.ts';
import { andSleep, ScriptHost, until } from './script-host.ts';

const skip = requires({ addon: true });

t.test('devices that fail', { skip }, async (t) => {
  const reports: DeviceReport[] = [];
  const memory = smallMemory();
  const names = ['a', 'b', 'c'];
  const devices = names.map((name) => new RxFifo(memory, name));
  const [a, b, c] = devices as [RxFifo, RxFifo, RxFifo];
  const host = new ScriptHost(memory, [...devices]);
  const driver = new LiveDriver({ onDeviceError: (report) => void reports.push(report) });
  t.teardown(() => {
    driver.close();
    for (const device of devices) device.close();
  });
  await andSleep(driver, () => driver.add(host));

  await t.test('gone on receive: reported, detached, the others go on', async (t) => {
    a.broken = -ENODEV;
    await andSleep(driver, () => a.inject());
    t.match(reports.splice(0), [{ device: a, errno: ENODEV, isDetached: true }]);
    t.ok(a.isClosed);
    const turns = driver.stats.get('turns');
    await andSleep(driver, () => b.inject());
    t.equal(driver.stats.get('turns'), turns + 1);
    t.equal(host.received, 1);
    t.same(reports, []);
  });

  await t.test(
    'a link that is down: reported once, asked for, and used when it is back',
    async (t) => {
      b.broken = -ENETDOWN;
      b.isUp = false;
      b.linkFound = false;
      for (let i = 0; i < 3; i++) {
        b.send();
        await andSleep(driver, () => driver.kick());
      }
      t.match(reports.splice(0), [{ device: b, errno: ENETDOWN, isDetached: false }]);
      t.ok(driver.stats.get('timerArms') > 0, 'a quiet link is asked again later');
      b.linkFound = true;
      b.broken = 0;
      await until(() => b.isUp);
      await andSleep(driver, () => b.inject());
      t.equal(host.received, 2);
      t.same(reports, []);
      const checks = b.linkChecks;
      b.isUp = false;
      await andSleep(driver, () => driver.kick());
      t.match(reports.splice(0), [{ device: b, errno: ENETDOWN }], 'down again is news again');
      t.equal(b.linkChecks, checks, 'and not asked for at once');
      b.isUp = true;
    },
  );

  await t.test('an fd closed under the driver is not confused with the next file', async (t) => {
    c.close();
    c.broken = -ENODEV;
    // Lower numbers that are free come first; how many differs from one version of Node to the next.
    const fillers: RxFifo[] = [];
    let other = new RxFifo(memory, 'the number of c again');
    for (; other.fd < c.fd; other = new RxFifo(memory, 'the number of c again')) {
      fillers.push(other);
    }
    t.equal(other.fd, c.fd);
    const turns = driver.stats.get('turns');
    other.inject();
    await andSleep(driver, () => b.inject());
    t.equal(driver.stats.get('turns'), turns + 1);
    t.equal(host.received, 3);
    other.close();
    for (const filler of fillers) filler.close();
  });
});

t.test('an fd that reports an error nobody explains is given up', { skip }, async (t) => {
  const reports: DeviceReport[] = [];
  const memory = smallMemory();
  const device = new TxFifo(memory);
  const host = new ScriptHost(memory, [device]);
  const driver = new LiveDriver({ onDeviceError: (report) => void reports.push(report) });
  t.teardown(() => driver.close());
  await andSleep(driver, () => driver.add(host));
  device.closeReader();
  await until(() => reports.length > 0);
  t.match(reports, [{ device, errno: EIO, isDetached: true }]);
  await andSleep(driver, () => driver.kick());
});

t.test(
  'one device more than a driver can watch is reported, and the others work',
  { skip },
  async (t) => {
    const reports: DeviceReport[] = [];
    const memory = new Memory({ slabBytes: 64 << 20, chunks: 4, cellBytes: 1 << 20 });
    const devices = Array.from({ length: 33 }, (_, i) => new RxFifo(memory, `d${i}`));
    const host = new ScriptHost(memory, [...devices]);
    const driver = new LiveDriver({ onDeviceError: (report) => void reports.push(report) });
    t.teardown(() => {
      driver.close();
      for (const device of devices) device.close();
    });
    await andSleep(driver, () => driver.add(host));
    t.match(reports, [{ device: devices[32], errno: EMFILE, isDetached: true }]);
    t.equal(reports.length, 1);
    await andSleep(driver, () => devices[31]!.inject());
    t.equal(host.received, 1);
  },
);

t.test('failures of a stack', { skip }, async (t) => {
  const failures: HostReport[] = [];
  const memory = smallMemory();
  const driver = new LiveDriver({ onHostFailure: (report) => void failures.push(report) });
  const devices = [new RxFifo(memory), new RxFifo(memory)] as const;
  const [bad, good] = devices.map((device) => new ScriptHost(memory, [device])) as [
    ScriptHost,
    ScriptHost,
  ];
  t.teardown(() => {
    driver.close();
    for (const device of devices) device.close();
  });
  await andSleep(driver, () => {
    driver.add(bad);
    driver.add(good);
  });
  bad.onReady = () => {
    throw new InvariantError('a broken promise');
  };
  await andSleep(driver, () => {
    devices[0].inject();
    devices[1].inject();
  });
  t.match(failures, [{ host: bad, error: { message: 'a broken promise' } }]);
  t.equal(good.received, 1, 'the other stack of the thread goes on');
  devices[0].inject();
  await andSleep(driver, () => devices[1].inject());
  t.equal(bad.received, 1, 'the broken one gets no more turns');
  t.equal(good.received, 2);
  t.equal(failures.length, 1);
});

t.test(
  'a stack that fails as it is removed: told, and the rest leaves too',
  { skip },
  async (t) => {
    const memory = smallMemory();
    const devices = [new RxFifo(memory), new RxFifo(memory)] as const;
    const [good, bad] = devices.map((device) => new ScriptHost(memory, [device])) as [
      ScriptHost,
      ScriptHost,
    ];
    let told = 0;
    const driver: LiveDriver = new LiveDriver({
      onHostFailure: ({ error }) => {
        told++;
        driver.close(); // asked for in the middle of it
        throw error;
      },
    });
    t.teardown(() => {
      for (const device of devices) device.close();
    });
    await andSleep(driver, () => {
      driver.add(good);
      driver.add(bad);
    });
    bad.onOutput = () => {
      throw new InvariantError('a broken promise');
    };
    driver.kick();
    t.throws(() => driver.remove(bad), { message: 'a broken promise' });
    t.equal(told, 1);
    const turns = driver.stats.get('turns');
    devices[0].inject();
    await new Promise((done) => setTimeout(done, 5));
    t.equal(driver.stats.get('turns'), turns, 'closed');
    t.equal(good.received, 0);
  },
);

t.test('a process or worker of its own', { skip }, async (t) => {
  const fixture = fileURLToPath(new URL('driver-child.ts', import.meta.url));
  const cases: [scenario: string, code: number, output: readonly string[]][] = [
    [
      'exceptions',
      0,
      ['uncaught boom in the turn', 'uncaught boom in a tick', 'received 2 flushed 1'],
    ],
    ['invariant', 1, []],
    ['unreferenced', 0, ['flushed 1']],
    ['exitInTurn', 7, []],
    ['closeInTurn', 0, ['flushed 1']],
    ['closeInContinuation', 0, []],
    ['terminated', 0, ['worker: driving', 'worker ended']],
    ['terminatedPolling', 0, ['worker: driving', 'worker ended']],
    ['workerExits', 0, ['worker ended']],
    ['manyWorkers', 0, ['worker: flushed 1', 'worker: flushed 1', 'worker ended', 'worker ended']],
  ];
  for (const [scenario, code, output] of cases) {
    const child = spawnSync(process.execPath, ['--import=tsx', fixture, scenario], {
      encoding: 'utf8',
      timeout: 60_000,
    });
    t.same(child.signal, null, `${scenario} ends by itself`);
    t.equal(child.status, code, `${scenario}: ${child.stderr}`);
    t.same(child.stdout.split('\n').filter(Boolean).sort(), [...output].sort(), scenario);
    if (scenario === 'invariant') t.match(child.stderr, /InvariantError: two writers/);
  }
});
