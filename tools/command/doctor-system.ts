/** What `ringway doctor` asks the machine: reads, and things that are opened and closed again. Tests have another one. */
import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { release } from 'node:os';
import { getSystemErrorName } from 'node:util';
import { loadAddon } from '../../src/live/addon.ts';
import { LiveDriver } from '../../src/live/driver.ts';
import { getLink, listLinks } from '../../src/live/netlink.ts';
import { INSIDE, type Trial } from './doctor-inside.ts';

export interface LinkFacts {
  /** `veth`, `tun` …; null for links that have no kind. */
  readonly kind: string | null;
  readonly mtu: number;
  readonly isUp: boolean;
  readonly hasCarrier: boolean;
  readonly txQueueLen: number;
  /** Of a veth, where it is in this namespace; '' else. */
  readonly otherEnd: string;
}

/** As the addon has them (native/ethtool.h): 1 on, 0 off, -1 not said; of the rings, frames. */
export interface LinkFeatures {
  readonly gro: number;
  readonly lro: number;
  readonly gso: number;
  readonly tso: number;
  readonly rxChecksum: number;
  readonly txChecksum: number;
  readonly rxRing: number;
  readonly rxRingMost: number;
}

export interface System {
  /** The effective one; -1 where there are none. */
  readonly uid: number;
  readonly node: string;
  readonly kernel: string;
  /** The text of a file; null when it cannot be read. */
  read(path: string): string | null;
  exists(path: string): boolean;
  /** Opens for reading and writing, and closes. The errno name, or nothing. */
  open(path: string): string;
  /** Why the addon does not load, or nothing. */
  addon(): string;
  /** Why no thread could sleep for frames and timers, or nothing. Needs the addon. */
  poller(): string;
  /** The errno name of an AF_PACKET socket in this namespace, or nothing. Needs the addon. */
  packetSocket(): string;
  /** Of this network namespace, whichever one /sys shows. Needs the addon. */
  link(name: string): LinkFacts;
  /** What the device does for the kernel, or the errno name of why nobody knows. Needs the addon. */
  linkFeatures(name: string): LinkFeatures | string;
  /** A veth and a ring on it in namespaces that are gone afterwards. Needs the addon. */
  namespaceTrial(): Trial;
}

export class LinuxSystem implements System {
  readonly uid = process.geteuid?.() ?? -1;
  readonly node = process.versions.node;
  readonly kernel = release();

  read(path: string): string | null {
    try {
      return readFileSync(path, 'latin1');
    } catch {
      return null; // not there, or not for us: the check says what that means
    }
  }

  exists(path: string): boolean {
    return existsSync(path);
  }

  open(path: string): string {
    try {
      closeSync(openSync(path, 'r+'));
      return '';
    } catch (error) {
      return (error as NodeJS.ErrnoException).code ?? String(error);
    }
  }

  addon(): string {
    return whyNot(() => loadAddon());
  }

  poller(): string {
    return whyNot(() => new LiveDriver().close());
  }

  packetSocket(): string {
    const status = loadAddon<{ canOpenPacketSocket(): number }>().canOpenPacketSocket();
    return status < 0 ? getSystemErrorName(status) : '';
  }

  link(name: string): LinkFacts {
    const { kind, mtu, isUp, hasCarrier, txQueueLen, lowerIndex, isLowerElsewhere } = getLink(name);
    const isHere = lowerIndex !== 0 && !isLowerElsewhere;
    const other = isHere ? listLinks().find((l) => l.index === lowerIndex) : undefined;
    return { kind, mtu, isUp, hasCarrier, txQueueLen, otherEnd: other?.name ?? '' };
  }

  linkFeatures(name: string): LinkFeatures | string {
    const { linkFeatures } = loadAddon<{ linkFeatures?(name: string): LinkFeatures | number }>();
    if (linkFeatures === undefined) return 'the addon is older than this code';
    const features = linkFeatures(name);
    return typeof features === 'number' ? getSystemErrorName(features) : features;
  }

  /** This command again, inside: Node has threads and cannot go there itself. */
  namespaceTrial(): Trial {
    const user = this.uid === 0 ? [] : ['--user', '--map-root-user'];
    const again = [process.execPath, ...process.execArgv, process.argv[1]!, 'doctor'];
    const { error, stdout, stderr } = spawnSync('unshare', [...user, '--net', ...again], {
      encoding: 'utf8',
      env: { ...process.env, [INSIDE]: '1' },
    });
    if (error !== undefined) {
      const { code } = error as NodeJS.ErrnoException;
      return { failed: 'unshare', why: code ?? error.message, vnet: false };
    }
    const line = stdout.trim();
    if (line.startsWith('{')) return JSON.parse(line) as Trial;
    const why = stderr.trim().split('\n').pop() ?? '';
    return { failed: 'namespace', why, vnet: false };
  }
}

/** The first line of what was thrown, or nothing. */
function whyNot(action: () => unknown): string {
  try {
    action();
    return '';
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    return text.split('\n')[0]!;
  }
}
