/** What a driver must survive, in a process or worker of its own: `driver-child.ts <scenario>`. */
import { isMainThread, parentPort, threadId, Worker, workerData } from 'node:worker_threads';
import { InvariantError } from '../../src/base/assert.ts';
import { LiveDriver } from '../../src/live/driver.ts';
import { RxFifo, smallMemory } from './fifo-device.ts';
import { andSleep, ScriptHost, until } from './script-host.ts';

const memory = smallMemory();
const device = new RxFifo(memory);
const host = new ScriptHost(memory, [device]);
const say = (text: string): void => {
  if (parentPort === null) process.stdout.write(`${text}\n`);
  else parentPort.postMessage(text);
};

/** A worker that loads this file's addon in an environment of its own, and runs a scenario there. */
async function inWorker(scenario: string, end: (worker: Worker) => void): Promise<void> {
  const here = JSON.stringify(import.meta.url);
  const start = `import('tsx/esm/api').then((tsx) => { tsx.register(); return import(${here}); })`;
  const worker = new Worker(start, { eval: true, workerData: scenario, execArgv: [] });
  worker.on('message', (text) => {
    say(`worker: ${text}`);
    if (text === 'driving') end(worker);
  });
  worker.on('error', (error) => say(`worker error: ${error.message}`));
  await new Promise<void>((done) => worker.once('exit', () => done()));
  say('worker ended');
}

const scenarios: Record<string, () => void | Promise<void>> = {
  async exceptions() {
    const driver = new LiveDriver();
    driver.add(host);
    process.on('uncaughtException', (error) => say(`uncaught ${error.message}`));
    await andSleep(driver, () => driver.kick());
    host.onReady = () => {
      host.onReady = () => Promise.resolve().then(() => process.nextTick(boom, 'in a tick'));
      boom('in the turn');
    };
    device.send();
    await andSleep(driver, () => device.inject());
    await until(() => host.received === 1);
    host.onReady = () => undefined;
    await andSleep(driver, () => device.inject());
    say(`received ${host.received} flushed ${device.flushed}`);
    driver.close();
  },
  invariant() {
    const driver = new LiveDriver();
    driver.add(host);
    host.onReady = () => {
      throw new InvariantError('two writers');
    };
  },
  unreferenced() {
    const driver = new LiveDriver();
    driver.add(host);
    driver.unref();
    device.send();
    process.on('exit', () => say(`flushed ${device.flushed}`));
  },
  exitInTurn() {
    const driver = new LiveDriver();
    driver.add(host);
    host.onReady = () => process.exit(7);
  },
  closeInTurn() {
    const driver = new LiveDriver();
    driver.add(host);
    host.onReady = () => {
      device.send();
      driver.close();
      driver.close();
      process.on('exit', () => say(`flushed ${device.flushed}`));
    };
  },
  closeInContinuation() {
    const driver = new LiveDriver({ isPolling: true });
    driver.add(host);
    host.onReady = () => void Promise.resolve().then(() => driver.close());
  },
  drive() {
    const driver = new LiveDriver({ isPolling: workerData === 'poll' });
    driver.add(host);
    host.onReady = () => say('driving');
  },
  terminated: () => inWorker('drive', (worker) => void worker.terminate()),
  terminatedPolling: () => inWorker('poll', (worker) => void worker.terminate()),
  workerExits: () => inWorker('exitInTurn', () => undefined),
  async manyWorkers() {
    const both = ['closeInTurn', 'closeInTurn'].map((name) => inWorker(name, () => undefined));
    await Promise.all(both);
  },
};

function boom(where: string): never {
  throw new Error(`boom ${where}`);
}

if (isMainThread || threadId > 0) {
  const name = isMainThread ? process.argv[2]! : String(workerData).replace('poll', 'drive');
  await scenarios[name]!();
}
