import type { RandomStream } from '../../base/rng.ts';
import type { Flow, Traffic } from './flow.ts';
import type { TrafficSpec } from './scenario.ts';
import { Bulk } from './traffic/bulk.ts';
import { ConstantRate } from './traffic/constant-rate.ts';
import { OnOff } from './traffic/on-off.ts';
import { Page } from './traffic/page.ts';
import { Requests } from './traffic/requests.ts';
import { Steps } from './traffic/steps.ts';

/** What a flow does, of any kind. `random` is the flow's own. */
export function openTraffic(flow: Flow, spec: TrafficSpec, random: RandomStream): Traffic {
  switch (spec.kind) {
    case 'bulk':
      return new Bulk(flow, spec);
    case 'requests':
      return new Requests(flow, spec);
    case 'on-off':
      return new OnOff(flow, spec, random);
    case 'constant-rate':
      return new ConstantRate(flow, spec);
    case 'steps':
      return new Steps(flow, spec);
    case 'page':
      return new Page(flow, spec);
  }
}
