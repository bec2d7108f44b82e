/** What the threads of a workgroup compute together, in WGSL. Orders are fixed, so that results are the same each time. */

/** Threads of a workgroup that shares long rows, or many. */
export const rowThreads = 256;

/** Threads of a workgroup that reduces one row of this width: with more of them, most would wait for the others. */
export function rowThreadsFor(width: number): number {
  return width > 2048 ? rowThreads : 64;
}

/**
 * WGSL of `name(x, local)`: what all threads of a workgroup give together, combined in a fixed order. A few of them combine
 * what the threads gave, then each thread what those have: so the workgroup waits twice only.
 */
export function together(name: string, combine: string, threads: number, type = "f32"): string {
  const few = 2 ** Math.round(Math.log2(threads) / 2);
  return `
var<workgroup> ${name}Parts: array<${type}, ${threads}>;
var<workgroup> ${name}Few: array<${type}, ${few}>;
fn ${name}(x: ${type}, local: u32) -> ${type} {
  ${name}Parts[local] = x;
  workgroupBarrier();
  if (local < ${few}u) {
    var a = x;
    for (var i = 1u; i < ${threads / few}u; i++) {
      let b = ${name}Parts[local + i * ${few}u];
      a = ${combine};
    }
    ${name}Few[local] = a;
  }
  workgroupBarrier();
  var a = ${name}Few[0];
  for (var i = 1u; i < ${few}u; i++) {
    let b = ${name}Few[i];
    a = ${combine};
  }
  return a;
}`;
}

/** Elements that a thread combines one after the other before it adds the result to others: sums grow less inexact. */
export const elementsInTurn = 32;
