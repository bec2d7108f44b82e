import { functions } from "./functions.ts";

/**
 * WGSL of the order of elements, each of which is its bits and its column: the larger one comes first, of equal ones that of
 * the lower column; NaN before all. `noElement` comes last.
 */
export const betterElement = `
${functions(["isNaN"])}
// −∞, in no column.
const noElement = vec2u(0xff800000u, 0xffffffffu);
fn comesFirst(a: vec2u, b: vec2u) -> bool {
  let x = bitcast<f32>(a.x);
  let y = bitcast<f32>(b.x);
  let same = (isNaN(x) && isNaN(y)) || (!isNaN(x) && !isNaN(y) && x == y);
  return (same && a.y < b.y) || (!same && (isNaN(x) || (!isNaN(y) && x > y)));
}
fn better(a: vec2u, b: vec2u) -> vec2u { return select(b, a, comesFirst(a, b)); }`;
