/** What a file may say by its shape, and no link or stack can be: found by making one of each, with the place in the file. */
import { InvariantError } from '../../../base/assert.ts';
import { EINVAL } from '../../../base/errno.ts';
import { builtinModules } from '../../../cc/builtin.ts';
import { checkParameter } from '../../../cc/congestion-control.ts';
import type { FrameSink } from '../../../link/frame-sink.ts';
import { buildLink, type LinkSpec } from '../../../path/link-spec.ts';
import { PathStreams } from '../../../path/path-streams.ts';
import {
  readAnySysctl,
  sysctlRange,
  sysctlsUnder,
  writeAnySysctl,
} from '../../../stack/all-sysctls.ts';
import { Stack } from '../../../stack/stack.ts';
import { Simulator } from '../../simulator.ts';
import type { Scenario } from '../scenario.ts';
import { LINK_FIELDS } from './link-shape.ts';
import type { Path, Problems } from './read-shape.ts';
import { suggestion } from './suggest.ts';

/** A link takes nothing of it, a stack a loopback. */
const LITTLE = { slabBytes: 512 << 10, chunks: 1, pages: 1, cellBytes: 1 << 12 };
const FOR_A_STACK = { ...LITTLE, slabBytes: 2 << 20 };
const NOWHERE: FrameSink = { room: () => 0, take: () => undefined };

/** Of LinkSpec, by the name in files. */
const FILE_NAME: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(LINK_FIELDS).map(([name, field]) => [field.as ?? name, name]),
);

/** Makes what a file wishes for, to see whether it can be. */
export class Trial {
  private readonly sim = new Simulator({ seed: 0, isHashed: false, memory: LITTLE });
  /** Made for the first that has settings. */
  private stack: Stack | null = null;
  private readonly problems: Problems;

  constructor(problems: Problems) {
    this.problems = problems;
  }

  /** Each part of a direction for itself. */
  link(spec: LinkSpec, path: Path): void {
    for (const [part, value] of Object.entries(spec)) {
      // The name of a file, as yet.
      if (part === 'rateBps' && typeof value === 'object' && 'trace' in value) continue;
      try {
        this.build({ [part]: value });
      } catch (error) {
        if (!(error instanceof InvariantError)) throw error;
        this.problems.add([...path, FILE_NAME[part] ?? part], `this has to hold: ${error.message}`);
      }
    }
  }

  /** Of a host, by Linux's names. */
  settings(wanted: Readonly<Record<string, string>>, path: Path): void {
    const { problems } = this;
    for (const [name, value] of Object.entries(wanted)) {
      this.stack ??= openStack();
      const { stack } = this;
      const at = [...path, name];
      if (readAnySysctl(stack, name) === undefined) {
        problems.add(at, `no such setting: ${suggestion(name, sysctlsUnder(stack, ''))}`);
      } else if (writeAnySysctl(stack, name, value) === -EINVAL) {
        const range = sysctlRange(stack, name);
        const wants = range === undefined ? '' : `: a number from ${range[0]} to ${range[1]}`;
        problems.add(at, `"${value}" is not what it takes${wants}`);
      }
    }
  }

  /** Of modules that are built in, by Linux's names. */
  parameters(wanted: NonNullable<Scenario['modules']>, path: Path): void {
    const known = builtinModules();
    const some = known.available().filter((name) => known.find(name)!.parameters !== undefined);
    for (const [module, values] of Object.entries(wanted)) {
      const { parameters } = known.find(module) ?? {};
      if (parameters === undefined) {
        const what = known.find(module) === undefined ? 'no built-in module' : 'no parameters of';
        this.problems.add([...path, module], `${what} "${module}": ${suggestion(module, some)}`);
        continue;
      }
      for (const [name, value] of Object.entries(values)) {
        const errno = checkParameter(parameters, name, value);
        if (errno === 0) continue;
        const message =
          errno === -EINVAL
            ? `a whole number from ${parameters[name]!.join(' to ')}, not ${value}`
            : `${module} has no parameter "${name}": ${suggestion(name, Object.keys(parameters))}`;
        this.problems.add([...path, module, name], message);
      }
    }
  }

  private build(spec: LinkSpec): void {
    const { frames, clock, rng } = this.sim;
    buildLink({ frames, clock, rng }, NOWHERE, new PathStreams(rng, 'trial'), spec);
  }
}

function openStack(): Stack {
  const sim = new Simulator({ seed: 0, isHashed: false, memory: FOR_A_STACK });
  return new Stack(sim.env('trial'), sim.frames);
}
