import { spawn } from 'node:child_process';
import t, { type Test } from 'tap';
import { Rng } from '../../src/base/rng.ts';
import { MS, NEVER, SEC } from '../../src/base/time.ts';
import { CaptureDevice } from '../../src/link/capture.ts';
import { CaptureWriter } from '../../src/link/capture-writer.ts';
import { FrameStore } from '../../src/link/frame-store.ts';
import { Pipe } from '../../src/link/pipe.ts';
import { RX, RX_STRIDE } from '../../src/link/ring-layout.ts';
import { type DriverOptions, LiveDriver } from '../../src/live/driver.ts';
import { FaultDevice } from '../../src/path/fault.ts';
import { MacAddress } from '../../src/wire/mac.ts';
import { requires } from '../support/requires.ts';
import { RxFifo, smallMemory, TxFifo } from './fifo-device.ts';
import { andSleep, ScriptHost, until } from './script-host.ts';

const skip = requires({ addon: true });
const TURN = ['timers', 'ready', 'output'];

/** A driver with one host on one FIFO, asleep, its first turn behind it. */
async function rig(test: Test, options: DriverOptions = {}) {
  const memory = smallMemory();
  const device = new RxFifo(memory);
  const host = new ScriptHost(memory, [device]);
  const driver = new LiveDriver(options);
  test.teardown(() => {
    driver.close();
    device.close();
  });
  await andSleep(driver, () => driver.add(host));
  host.log.length = 0;
  return { memory, device, host, driver, stats: driver.stats };
}

t.test(
  'a frame wakes a sleeping driver for one turn, in the order of the turn',
  { skip },
  async (t) => {
    const { device, host, driver, stats } = await rig(t);
    host.onReady = () => device.send();
    await andSleep(driver, () => device.inject(3));
    t.same(host.log, ['receive 0 3', ...TURN]);
    t.equal(device.flushed, 1, 'what the application wrote left in the same turn');
    t.equal(stats.get('wakeups'), 1);
    t.equal(stats.get('timerWakeups'), 0);
  },
);

t.test('time is written once a turn, at the batch, and only grows', { skip }, async (t) => {
  const { device, host, driver } = await rig(t);
  const seen: number[] = [];
  const note = () => void seen.push(host.env.nowNs);
  host.onReceive = note;
  host.onReady = note;
  host.onOutput = note;
  const before = driver.now();
  await andSleep(driver, () => device.inject());
  const after = driver.now();
  t.equal(new Set(seen).size, 1, 'one time for the whole turn');
  t.ok(Number.isInteger(seen[0]) && before <= seen[0]! && seen[0]! <= after);
});

t.test('an idle driver wakes for its deadlines and for nothing else', { skip }, async (t) => {
  const { host, driver, stats } = await rig(t);
  let left = 3;
  host.onFire = () => {
    if (--left > 0) host.deadlineNs = host.env.nowNs + 2 * MS;
  };
  const turns = stats.get('turns');
  host.deadlineNs = driver.now() + 2 * MS;
  driver.kick();
  await until(() => left === 0);
  await new Promise((done) => setTimeout(done, 20));
  t.equal(host.fired, 3);
  // Fewer when the machine was so slow that a deadline had passed before the driver slept.
  t.ok(stats.get('turns') - turns <= 4, 'the kick and three deadlines');
  t.ok(stats.get('timerWakeups') <= 3);
  t.ok(stats.get('timerArms') <= 3);
  t.equal(stats.get('wakeups'), 0);
  t.equal(stats.get('spins'), 0, 'never spins from idle');
});

t.test('deadlines never fire early, and have nanosecond grain', { skip }, async (t) => {
  const { host, driver } = await rig(t);
  for (let i = 0; i < 20; i++) {
    const dueNs = driver.now() + 300_000 + i * 777;
    const fired = new Promise<number>((done) => {
      host.onFire = () => done(host.env.nowNs);
    });
    host.deadlineNs = dueNs;
    driver.kick();
    t.ok((await fired) >= dueNs);
  }
});

t.test('the timer is set again only for an earlier deadline', { skip }, async (t) => {
  const { device, host, driver, stats } = await rig(t);
  host.deadlineNs = driver.now() + 300 * MS;
  await andSleep(driver, () => driver.kick());
  t.equal(stats.get('timerArms'), 1);
  for (let i = 0; i < 5; i++) {
    host.deadlineNs += 3600 * SEC;
    await andSleep(driver, () => device.inject());
  }
  t.equal(stats.get('timerArms'), 1, 'later: left as it is');
  await until(() => stats.get('earlyWakeups') === 1);
  t.equal(host.fired, 0, 'the early wake-up is no turn');
  t.equal(stats.get('timerArms'), 2, 'and re-arms');
  host.deadlineNs = driver.now() + 300 * MS;
  await andSleep(driver, () => driver.kick());
  t.equal(stats.get('timerArms'), 3, 'earlier: set');
  await until(() => host.fired === 1);
});

t.test('many writes outside a turn cost one turn and one flush', { skip }, async (t) => {
  const { device, host, driver, stats } = await rig(t);
  const write = () => {
    driver.kick();
    device.send();
  };
  await andSleep(driver, () => {
    for (let i = 0; i < 100; i++) write();
    process.nextTick(write);
    void (async () => {
      for (let i = 0; i < 100; i++) {
        await null;
        write();
      }
    })();
  });
  t.equal(device.flushed, 201);
  t.same(host.log, TURN);
  t.equal(stats.get('kicks'), 2, 'the first turn of the rig, and this');
  t.equal(stats.get('spins'), 0);
});

t.test('a kick sets the time, for calls that arm deadlines', { skip }, async (t) => {
  const { host, driver } = await rig(t);
  const stale = host.env.nowNs;
  await new Promise((done) => setTimeout(done, 3));
  const before = driver.now();
  t.ok(before > stale);
  driver.kick();
  t.ok(host.env.nowNs >= before);
});

t.test(
  'what a continuation of the turn writes leaves before the driver sleeps',
  { skip },
  async (t) => {
    const { device, host, driver, stats } = await rig(t);
    const sleeps = stats.get('sleeps');
    let sleepsAtFlush = -1;
    host.onReady = () => {
      host.onReady = () => undefined;
      void Promise.resolve().then(async () => {
        await null;
        driver.kick();
        device.send();
        host.onOutput = () => {
          sleepsAtFlush = stats.get('sleeps');
        };
      });
    };
    await andSleep(driver, () => device.inject());
    t.same(
      host.log,
      ['receive 0 1', ...TURN, ...TURN],
      'the second turn asks no device for frames',
    );
    t.equal(device.flushed, 1);
    t.equal(sleepsAtFlush, sleeps);
  },
);

t.test('spins after frames only', { skip }, async (t) => {
  const { device, host, driver, stats } = await rig(t, { spinNs: 100 * MS });
  await andSleep(driver, () => driver.kick());
  host.deadlineNs = driver.now() + MS;
  await andSleep(driver, () => driver.kick());
  await until(() => host.fired === 1);
  t.equal(stats.get('spins'), 0, 'not for a kick, not for a deadline');
  const sleeps = stats.get('sleeps');
  let turns = 0;
  host.onReceive = () => {
    // The next frame comes while the driver polls: the turn is over, the spell is not.
    if (++turns < 3) device.inject();
  };
  await andSleep(driver, () => device.inject());
  t.equal(host.received, 3);
  t.ok(stats.get('spins') >= 1);
  t.equal(stats.get('sleeps') - sleeps, 1, 'it slept once, when the spell was over');
});

t.test('a spin of 0 sleeps at once', { skip }, async (t) => {
  const { device, driver, stats } = await rig(t, { spinNs: 0 });
  await andSleep(driver, () => device.inject());
  t.equal(stats.get('spins'), 0);
});

t.test('a deadline ends a spin', { skip }, async (t) => {
  const { device, host, driver, stats } = await rig(t, { spinNs: 10_000 * MS });
  host.onReceive = () => {
    host.deadlineNs = host.env.nowNs + 2 * MS;
  };
  const fired = new Promise<void>((done) => {
    host.onFire = done;
  });
  device.inject();
  await fired;
  t.equal(stats.get('timerWakeups'), 0, 'it never slept');
  driver.close();
});

t.test("others' immediates, timers and I/O run while the driver is busy", { skip }, async (t) => {
  for (const mode of ['frames', 'deadline', 'spin']) {
    const { device, host, driver } = await rig(t, { spinNs: 3600 * SEC });
    if (mode === 'frames') host.onReceive = () => device.inject();
    host.onFire = () => {
      host.deadlineNs = 0;
    };
    host.deadlineNs = mode === 'deadline' ? 0 : NEVER;
    device.inject();
    await until(() => host.log.length > 2);
    const sleeps = driver.stats.get('sleeps');
    await new Promise<void>((done) => setImmediate(done));
    await new Promise<void>((done) => setTimeout(done, 2));
    const child = spawn(process.execPath, ['-e', '0'], { stdio: 'ignore' });
    const code = await new Promise((done) => child.once('exit', done));
    t.equal(code, 0);
    t.equal(driver.stats.get('sleeps'), sleeps, `${mode}: it was busy all the while`);
    driver.close();
  }
});

t.test(
  'poll mode never sleeps, and turns only when there is something to do',
  { skip },
  async (t) => {
    const memory = smallMemory();
    const device = new RxFifo(memory);
    const host = new ScriptHost(memory, [device]);
    const driver = new LiveDriver({ isPolling: true });
    t.teardown(() => driver.close());
    driver.add(host);
    await until(() => driver.stats.get('turns') === 1);
    device.inject(2);
    await until(() => host.received === 2);
    host.deadlineNs = driver.now() + 2 * MS;
    driver.kick();
    await until(() => host.fired === 1);
    const child = spawn(process.execPath, ['-e', '0'], { stdio: 'ignore' });
    t.equal(await new Promise((done) => child.once('exit', done)), 0);
    t.ok(driver.stats.get('turns') <= 4, 'the first, the frames, the kick, the deadline');
    t.equal(driver.stats.get('sleeps'), 0);
    t.equal(driver.stats.get('timerArms'), 0);
  },
);

t.test('writable interest lasts while frames remain after a flush', { skip }, async (t) => {
  const memory = smallMemory();
  const device = new TxFifo(memory);
  const host = new ScriptHost(memory, [device]);
  const driver = new LiveDriver({ spinNs: 0 });
  t.teardown(() => {
    driver.close();
    device.close();
  });
  await andSleep(driver, () => driver.add(host));
  await andSleep(driver, () => {
    driver.kick();
    device.send();
  });
  t.equal(driver.stats.get('wakeups'), 0, 'room is no news while nothing waits');
  const held = 1023;
  await andSleep(driver, () => {
    for (let i = 0; i < held; i++) device.send();
    driver.kick();
  });
  let waiting = 0;
  await until(() => {
    if (device.tx.inFlight > 0) return true;
    for (let i = 0; i < held; i++) device.send();
    waiting++;
    driver.kick();
    return false;
  });
  const sleeps = driver.stats.get('sleeps');
  await until(() => driver.stats.get('sleeps') >= sleeps);
  const turns = driver.stats.get('turns');
  await new Promise((done) => setTimeout(done, 5));
  t.equal(driver.stats.get('turns'), turns, 'no room: it sleeps');
  while (device.tx.inFlight > 0) {
    device.drain();
    await new Promise((done) => setTimeout(done, 1));
  }
  device.drain();
  t.equal(device.received, 1 + held * (waiting + 1), 'all of it, in the end, by wake-ups alone');
  const wakeups = driver.stats.get('wakeups');
  t.ok(wakeups > 0);
  await new Promise((done) => setTimeout(done, 5));
  t.equal(driver.stats.get('wakeups'), wakeups, 'and then room is no news again');
});

t.test('an fd that tells of room where there is none is no busy loop', { skip }, async (t) => {
  const { device, host, driver, stats } = await rig(t, { spinNs: 0 });
  let isFull = true;
  const flush = device.txFlush.bind(device);
  device.txFlush = () => (isFull ? device.tx.inFlight : flush());
  const before = { turns: stats.get('turns'), ns: driver.now() };
  driver.kick();
  device.send();
  await new Promise((done) => setTimeout(done, 20));
  await until(() => stats.get('turns') - before.turns > 2); // it is tried again
  const turns = stats.get('turns') - before.turns;
  const ms = (driver.now() - before.ns) / MS;
  t.ok(turns <= 4 + 2 * ms, `${turns} turns in ${ms} ms: two for each try`);
  t.equal(device.flushed, 0);
  isFull = false;
  await until(() => device.flushed === 1);
  await andSleep(driver, () => device.inject());
  t.equal(host.received, 1);
  const quiet = stats.get('turns');
  await new Promise((done) => setTimeout(done, 5));
  t.equal(stats.get('turns'), quiet, 'and nothing more to do');
});

t.test('a device without memory to receive into is no busy loop', { skip }, async (t) => {
  const { memory, device, host, driver, stats } = await rig(t);
  const taken: number[] = [];
  while (memory.chunks.free > 0) taken.push(memory.chunks.take());
  await andSleep(driver, () => device.inject());
  const turns = stats.get('turns');
  await new Promise((done) => setTimeout(done, 5));
  t.equal(stats.get('turns'), turns, 'the fd is readable, and asked for in vain');
  t.equal(host.received, 0);
  await andSleep(driver, () => {
    for (const chunk of taken) memory.chunks.release(chunk);
    driver.kick();
  });
  t.equal(host.received, 1, 'the turn that follows finds the frame');
  await andSleep(driver, () => device.inject());
  t.equal(host.received, 2, 'and frames are news again');
});

t.test('middleware that holds as many frames as it may is no busy loop', { skip }, async (t) => {
  const memory = smallMemory();
  const device = new RxFifo(memory);
  const chunk = memory.chunks.take(); // where its frames are said to lie
  for (let i = 0; i < device.rx.capacity; i++) {
    device.rx.desc[i * RX_STRIDE + RX.OFF] = memory.chunks.offsetOf(chunk);
    device.rx.desc[i * RX_STRIDE + RX.LEN] = 60;
    device.rx.desc[i * RX_STRIDE + RX.CHUNK] = chunk;
  }
  const clock = { nowNs: 0 };
  const faults = new FaultDevice(device, new FrameStore(memory), clock, new Rng(1), {
    rx: { delayNs: 5 * MS },
    limit: 2,
  });
  const host = new ScriptHost(memory, [faults]);
  host.nextDeadlineNs = () => faults.nextDeadlineNs();
  Object.defineProperty(clock, 'nowNs', { get: () => host.env.nowNs });
  const driver = new LiveDriver({ spinNs: 0 });
  t.teardown(() => {
    driver.close();
    faults.close();
  });
  await andSleep(driver, () => driver.add(host));
  device.inject(9);
  await until(() => host.received === 9);
  t.ok(driver.stats.get('turns') < 30, `${driver.stats.get('turns')} turns for nine frames`);
});

t.test('hosts that talk through memory wake each other', { skip }, async (t) => {
  const memory = smallMemory();
  const frames = new FrameStore(memory);
  const pipe = new Pipe(
    frames,
    { name: 'a', mac: new MacAddress(0x0200, 1) },
    { name: 'b', mac: new MacAddress(0x0200, 2) },
  );
  const hosts = [new ScriptHost(memory, [pipe.a]), new ScriptHost(memory, [pipe.b])] as const;
  for (const host of hosts) host.nextDeadlineNs = () => host.devices[0]!.nextDeadlineNs();
  const send = () => {
    pipe.a.tx.add(pipe.a.tx.begin(), 60);
    pipe.a.tx.commit();
  };
  await t.test('on one driver', async (t) => {
    const driver = new LiveDriver();
    for (const host of hosts) driver.add(host);
    await until(() => driver.stats.get('sleeps') > 0);
    await andSleep(driver, () => {
      driver.kick();
      send();
    });
    t.equal(hosts[1].received, 1);
    driver.close();
  });
  await t.test('on a driver each', async (t) => {
    const drivers = hosts.map((host) => {
      const driver = new LiveDriver();
      driver.add(host);
      return driver;
    });
    for (const driver of drivers) await until(() => driver.stats.get('sleeps') > 0);
    drivers[0]!.kick();
    send();
    await until(() => hosts[1].received === 2);
    t.equal(pipe.b.queued, 0);
    for (const driver of drivers) driver.close();
  });
  await t.test('and with middleware between the host and the memory', async (t) => {
    const sink = { write: () => 0 };
    const writer = new CaptureWriter(memory, hosts[1].env, sink);
    const faults = new FaultDevice(pipe.b, frames, hosts[1].env, new Rng(1));
    const captured = new CaptureDevice(faults, writer);
    const host = new ScriptHost(memory, [captured]);
    const driver = new LiveDriver();
    await andSleep(driver, () => driver.add(host));
    await andSleep(driver, () => {
      send();
      pipe.a.txFlush();
    });
    t.equal(host.received, 1, 'woken by the frame alone');
    driver.close();
    captured.close();
    writer.close();
  });
  pipe.close();
});

t.test('hosts and devices that come and go', { skip }, async (t) => {
  const { memory, device, host, driver } = await rig(t);
  const later = new RxFifo(memory, 'later');
  host.devices.push(later);
  await andSleep(driver, () => driver.kick());
  await andSleep(driver, () => later.inject());
  t.ok(host.log.includes('receive 1 1'), 'a device added to a running host is watched');
  device.send();
  driver.remove(host);
  t.equal(device.flushed, 1, 'removed, but not before what it wrote was sent');
  const turns = driver.stats.get('turns');
  later.inject();
  await new Promise((done) => setTimeout(done, 5));
  t.equal(driver.stats.get('turns'), turns);
  t.equal(host.received, 1);
  driver.close();
  driver.close();
  driver.kick();
  later.close();
});

t.test('closing outside a turn sends what every host wrote', { skip }, async (t) => {
  const memory = smallMemory();
  const devices = ['a', 'b', 'c'].map((name) => new RxFifo(memory, name));
  const driver = new LiveDriver();
  const hosts = devices.map((device) => new ScriptHost(memory, [device]));
  await andSleep(driver, () => {
    for (const host of hosts) driver.add(host);
  });
  driver.kick();
  for (const device of devices) device.send();
  driver.close();
  t.same(
    devices.map((device) => device.flushed),
    [1, 1, 1],
  );
  for (const device of devices) device.close();
});
