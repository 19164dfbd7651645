/**
 * The modules a stack knows, by name. One for each thread or stack: nothing is registered at module level.
 * What sysctl shows as tcp_available_, tcp_allowed_ and tcp_congestion_control.
 */
import { assert } from '../base/assert.ts';
import { EBUSY, EEXIST, EINVAL, ENOENT, EPERM } from '../base/errno.ts';
import type { CcView } from './cc-view.ts';
import { CC_FLAG, type CcModule, type CongestionControl, HOOK } from './congestion-control.ts';

/** TCP_CA_NAME_MAX is 16 with its terminating zero. */
const NAME = /^[A-Za-z0-9_.-]{1,15}$/;

export const isCcName = (name: string): boolean => NAME.test(name);

export class CcRegistry {
  private readonly modules = new Map<string, CcModule>();
  private readonly allowedNames = new Set<string>();
  private default: CcModule;

  /** The first one is the default, as long as nothing else is said. */
  constructor(first: CcModule, ...others: readonly CcModule[]) {
    this.default = first;
    for (const module of [first, ...others]) {
      assert(this.register(module) === 0, `${module.name} can be registered`);
    }
    this.allowedNames.add(first.name);
  }

  /** 0; -EINVAL for a name Linux would not take or a module that never sets a window; -EEXIST for a name in use. */
  register(module: CcModule): number {
    if (!isCcName(module.name)) return -EINVAL;
    if ((module.create().hooks & (HOOK.CONG_AVOID | HOOK.CONG_CONTROL)) === 0) return -EINVAL;
    if (this.modules.has(module.name)) return -EEXIST;
    this.modules.set(module.name, module);
    if ((module.flags & CC_FLAG.NON_RESTRICTED) !== 0) this.allowedNames.add(module.name);
    return 0;
  }

  /**
   * A newer one of a name that is there, for the connections made from then on; who has the older one changes to it by
   * `TcpConnection.useCongestion`. Whether it is the default, and allowed, stays. 0; -ENOENT; -EINVAL as above.
   */
  replace(module: CcModule): number {
    const old = this.modules.get(module.name);
    if (old === undefined) return -ENOENT;
    if ((module.create().hooks & (HOOK.CONG_AVOID | HOOK.CONG_CONTROL)) === 0) return -EINVAL;
    this.modules.set(module.name, module);
    if (this.default === old) this.default = module;
    return 0;
  }

  /** Connections keep the module they have. 0; -ENOENT; -EBUSY for the default. */
  unregister(name: string): number {
    const module = this.modules.get(name);
    if (module === undefined) return -ENOENT;
    if (module === this.default) return -EBUSY;
    this.modules.delete(name);
    this.allowedNames.delete(name);
    return 0;
  }

  /** As a file in /sys/module/tcp_NAME/parameters: for connections made from then on. 0, -ENOENT, -EINVAL. */
  setParameter(moduleName: string, parameter: string, value: number): number {
    const old = this.modules.get(moduleName);
    const changed = old?.withParameter?.(parameter, value) ?? -ENOENT;
    if (typeof changed === 'number') return changed;
    assert(changed.name === moduleName, 'a parameter does not change the name');
    this.modules.set(moduleName, changed);
    if (this.default === old) this.default = changed;
    return 0;
  }

  /** Undefined: there is no such module, which is -ENOENT to who asked. */
  find(name: string): CcModule | undefined {
    return this.modules.get(name);
  }

  /** Whether TCP_CONGESTION may choose it: 0, -ENOENT, or -EPERM for a restricted one without privileges. */
  mayChoose(name: string, isPrivileged: boolean): number {
    if (!this.modules.has(name)) return -ENOENT;
    return isPrivileged || this.allowedNames.has(name) ? 0 : -EPERM;
  }

  /** tcp_available_congestion_control, in the order of registration. */
  available(): string[] {
    return [...this.modules.keys()];
  }

  allowed(): string[] {
    return this.available().filter((name) => this.allowedNames.has(name));
  }

  /** Exactly these. 0, or -ENOENT when one is unknown; then nothing has changed. */
  setAllowed(names: readonly string[]): number {
    if (names.some((name) => !this.modules.has(name))) return -ENOENT;
    this.allowedNames.clear();
    for (const name of names) this.allowedNames.add(name);
    return 0;
  }

  get defaultModule(): CcModule {
    return this.default;
  }

  /** tcp_congestion_control: what new connections get; it is allowed from then on. 0 or -ENOENT. */
  setDefault(name: string): number {
    const module = this.modules.get(name);
    if (module === undefined) return -ENOENT;
    this.default = module;
    this.allowedNames.add(name);
    return 0;
  }
}

/** Changes a live connection to another module. cwnd and ssthresh stay: the new one starts from them. */
export function swapModule(v: CcView, from: CongestionControl, to: CcModule): CongestionControl {
  from.release(v);
  const cc = to.create();
  cc.init(v);
  return cc;
}
