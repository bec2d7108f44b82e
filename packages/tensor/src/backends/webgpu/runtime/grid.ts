/** Workgroups over a line of elements. */

/** Threads of a workgroup. */
export const linearSize = 256;
/** Workgroups along one axis, at the most. */
export const maxGroups = 65_535;

/** Workgroups for a number of elements, one thread each: in rows, where a single row would be too long. */
export function linear(count: number): [number, number] {
  return spread(Math.ceil(count / linearSize));
}

/** So many workgroups or a few more, along two axes. */
export function spread(groups: number): [number, number] {
  const rows = Math.ceil(groups / maxGroups);
  return [rows > 1 ? Math.ceil(groups / rows) : groups, rows];
}

/** WGSL: the arguments of an entry point. */
export const entryArguments =
  "@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, " +
  "@builtin(local_invocation_index) local: u32";

/** WGSL: the number of the workgroup in such a grid, and of the thread's element. */
export const groupIndex = "(group.x + group.y * groups.x)";
export const linearIndex = `${groupIndex} * ${linearSize}u + local`;
