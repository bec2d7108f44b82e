import { rowThreads, together } from "./workgroup.ts";

/**
 * WGSL of how the threads of a workgroup draw an index, in the order of indices: each has some neighbouring weights,
 * `[first, end)`. `weight` names one of them. What comes before them is known where the row comes in parts.
 */
export function drawFunctions(weight: (index: string) => string): string {
  return `
struct Border { smallest: f32, ties: f32 }
${together("farthest", "max(a, b)", rowThreads, "u32")}
var<workgroup> sums: array<f32, ${rowThreads}>;
// Sums of what this thread and those in front of it have, on top of what comes before.
fn add_up(own: f32, before: f32, local: u32) {
  workgroupBarrier();
  sums[local] = own;
  workgroupBarrier();
  if (local == 0u) {
    var running = before;
    for (var i = 0u; i < ${rowThreads}u; i++) {
      running += sums[i];
      sums[i] = running;
    }
  }
  workgroupBarrier();
}
fn sum_in_front(before: f32, local: u32) -> f32 {
  if (local == 0u) { return before; }
  return sums[local - 1u];
}
// Leaves out weights below the smallest, and of those that equal it all but the first ones. The end of those that stay.
fn keep(first: u32, end: u32, border: Border, equals_before: f32, local: u32) -> u32 {
  var equals = 0.0;
  for (var i = first; i < end; i++) { equals += select(0.0, 1.0, ${weight("i")} == border.smallest); }
  add_up(equals, equals_before, local);
  equals = sum_in_front(equals_before, local);
  var kept_end = 0u;
  for (var i = first; i < end; i++) {
    var weight = ${weight("i")};
    if (weight == border.smallest) {
      equals += 1.0;
      if (equals > border.ties) { weight = 0.0; }
    }
    if (weight < border.smallest) { weight = 0.0; }
    if (weight > 0.0) { kept_end = i + 1u; }
    ${weight("i")} = weight;
  }
  return farthest(kept_end, local);
}
fn add_up_weights(first: u32, end: u32, before: f32, local: u32) {
  var own = 0.0;
  for (var i = first; i < end; i++) { own += ${weight("i")}; }
  add_up(own, before, local);
}
// The index at which the running sum exceeds what is wanted, or −1 where it is another thread's.
fn draw(first: u32, end: u32, wanted: f32, before: f32, local: u32) -> i32 {
  var running = sum_in_front(before, local);
  if (!(wanted >= running && wanted < sums[local])) { return -1; }
  var index = first;
  for (var i = first; i < end; i++) {
    let weight = ${weight("i")};
    running += weight;
    if (weight > 0.0) { index = i; }
    if (running > wanted) { break; }
  }
  return i32(index);
}`;
}

/** Neighbours of each thread. */
export function neighboursOf(count: number): number {
  return Math.ceil(count / rowThreads);
}
