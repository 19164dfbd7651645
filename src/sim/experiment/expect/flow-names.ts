/** Which flows an expectation is about, by the name that it says. */
import type { FlowSpec } from '../scenario.ts';

/** `web:back` is the end of web that answers. */
export function endOf(name: string | undefined): readonly [string | undefined, 0 | 1] {
  return name?.endsWith(':back') === true ? [name.slice(0, -':back'.length), 1] : [name, 0];
}

/** Of that name, or of that group; or all. */
export function flowsNamed(
  flows: readonly FlowSpec[],
  name: string | undefined,
): readonly FlowSpec[] {
  if (name === undefined) return flows;
  const own = flows.filter((flow) => flow.name === name);
  return own.length > 0 ? own : flows.filter((flow) => flow.group === name);
}
