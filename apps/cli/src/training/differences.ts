/**
 * The settings that differ between two configurations, in words: `dim was 16 and is 32`. What the items of a list have in
 * common is said once: `blocks.attention.heads was 2 and is 4`.
 */
export function differences(before: object, now: object): string[] {
  const [were, are] = [settingsOf(before), settingsOf(now)];
  const show = (values: Set<unknown> | undefined): string => (values ? [...values].join(", ") : "not set");
  const names = [...new Set([...were.keys(), ...are.keys()])];
  return names.flatMap((name) => {
    const [was, is] = [show(were.get(name)), show(are.get(name))];
    return was === is ? [] : [`${name} was ${was} and is ${is}`];
  });
}

/** The values of each setting, in the order in which they come. */
function settingsOf(value: unknown, path = "", found = new Map<string, Set<unknown>>()): Map<string, Set<unknown>> {
  if (typeof value !== "object" || value === null) return found.set(path, (found.get(path) ?? new Set()).add(value));
  if (Array.isArray(value)) settingsOf(value.length, `${path}.length`, found);
  for (const [name, item] of Object.entries(value)) {
    settingsOf(item, Array.isArray(value) ? path : path ? `${path}.${name}` : name, found);
  }
  return found;
}
