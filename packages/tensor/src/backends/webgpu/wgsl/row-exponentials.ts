import { functions } from "./functions.ts";
import type { Elements } from "../runtime/program.ts";
import type { RowKernel } from "./rows.ts";

/**
 * Steps, with WGSL that follows them, that find `row_max`, the largest element of a row, and `others`, the sum of `e^(x − row_max)` of all elements but one of
 * the largest: NaN where there is NaN or ∞, or nothing but −∞. The largest are counted, not added, so that the others are
 * not lost beside them.
 */
export function exponentialsOfRow(element: (of: Elements) => string, then = ""): Pick<RowKernel, "functions" | "steps"> {
  return {
    functions: `
${functions(["exponential", "logarithmOf1Plus", "infinity", "nan"])}
fn term_of(x: f32, row_max: f32) -> vec2f {
  return select(vec2f(exponential(x - row_max), 0.0), vec2f(0.0, 1.0), x == row_max);
}`,
    steps: [
      { name: "row_max", start: "-infinity()", combine: "max(a, b)", element },
      {
        name: "totals",
        type: "vec2f",
        element: (of) => `term_of(${element(of)}, row_max)`,
        then: `
  let isFinite = (bitcast<u32>(row_max) & 0x7fffffffu) < 0x7f800000u;
  let others = select(nan(), totals.x + f32(u32(totals.y) - 1u), isFinite);
  ${then}`,
      },
    ],
  };
}
