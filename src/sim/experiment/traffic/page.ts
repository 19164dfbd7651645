/** A page as browsers fetch one: a document, and when it is there its objects over several connections at once. */
import { ZERO_NS } from '../../../base/time.ts';
import type { Flow, Traffic } from '../flow.ts';
import type { PageSpec } from '../scenario.ts';
import type { StreamEnd } from '../stream-end.ts';

/** At most so many at once, unless a scenario says otherwise. */
export const PAGE_CONNECTIONS = 6;
const REQUEST_BYTES = 400;

/** A client's connection: what it has asked for, all in all. */
interface Fetch {
  readonly end: StreamEnd;
  wantedBytes: number;
}

export class Page implements Traffic {
  private readonly flow: Flow;
  private readonly spec: PageSpec;
  private readonly fetches = new Map<StreamEnd, Fetch>();
  /** What servers have been asked for, in order: the document first. */
  private served = 0;
  private asked = 0;
  private come = 0;
  private opened = 0;
  private askedNs = ZERO_NS;
  private isStopped = false;

  constructor(flow: Flow, spec: PageSpec) {
    this.flow = flow;
    this.spec = spec;
  }

  start(): void {
    this.askedNs = this.flow.nowNs;
    this.open();
  }

  private open(): void {
    this.opened++;
    this.flow.connect();
  }

  begun(end: StreamEnd): void {
    if (!end.isOpener) return; // it waits for a request
    const fetch: Fetch = { end, wantedBytes: 0 };
    this.fetches.set(end, fetch);
    this.ask(fetch);
  }

  /** The next thing that nobody has asked for; or it is done. */
  private ask(fetch: Fetch): void {
    const { documentBytes, objects, objectBytes } = this.spec;
    if (this.isStopped || this.asked > objects) {
      fetch.end.finish();
      return;
    }
    fetch.wantedBytes += this.asked === 0 ? documentBytes : objectBytes;
    this.asked++;
    fetch.end.send(REQUEST_BYTES);
  }

  got(end: StreamEnd, bytes: number): void {
    const fetch = this.fetches.get(end);
    if (fetch === undefined) {
      this.serve(end, bytes);
      return;
    }
    this.flow.count(bytes);
    if (end.received < fetch.wantedBytes) return;
    this.come++;
    if (this.come === 1) this.openOthers();
    if (this.come === 1 + this.spec.objects) this.flow.complete(this.askedNs);
    this.ask(fetch);
  }

  /** The document says what else there is. */
  private openOthers(): void {
    const most = Math.min(this.spec.connections ?? PAGE_CONNECTIONS, this.spec.objects);
    while (this.opened < most) this.open();
  }

  private serve(end: StreamEnd, bytes: number): void {
    const before = Math.floor((end.received - bytes) / REQUEST_BYTES);
    for (let i = before; i < Math.floor(end.received / REQUEST_BYTES); i++) {
      end.send(this.served === 0 ? this.spec.documentBytes : this.spec.objectBytes);
      this.served++;
    }
  }

  finished(end: StreamEnd): void {
    end.close();
  }

  closed(_end: StreamEnd, errno: number): void {
    this.flow.fail(errno);
  }

  timer(): void {
    // sets none
  }

  stop(): void {
    this.isStopped = true;
  }
}
