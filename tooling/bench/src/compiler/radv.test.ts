import assert from "node:assert/strict";
import { test } from "node:test";
import { announce, parseKernels } from "./radv.ts";

const statistics = `
*** SHADER STATS ***
SGPRs: 128
VGPRs: 24
Spilled VGPRs: 3
LDS size: 1024
Scratch size: 256
Subgroups per SIMD: 20
Instructions: 9
********************
`;

const kernel = `${announce("matmul: a, b, out")}
impl main {
}
Compute Shader
disasm:
BB0:
	s_mov_b32 s0, s3                                            ; be800303
	v_mul_f32 v0, v1, v2                                        ; 1000
BB1:
	v_fmac_f32_e32 v0, v1, v2                                   ; 5600
	s_waitcnt lgkmcnt(0)                                        ; bf8c
	v_fma_f32 v1, 2.0, v1, 1.0                                  ; d54b
	s_branch BB1                                                ; bf82

Compute Shader:${statistics}`;

test("reads what is said of each kernel", () => {
  const found = parseKernels(`warning\n${kernel}${kernel.replace("matmul: a", "attention few queries: q")}`);
  const expected = {
    registers: 24,
    scratch: 256,
    memory: 1024,
    waves: 20,
    instructions: 9,
    hottest: { instructions: 4, multiplyAdds: 2 },
  };
  assert.deepEqual(found, [{ name: "matmul", ...expected }, { name: "attention few queries", ...expected }]);
});

test("refuses output without statistics", () => {
  assert.throws(() => parseKernels(kernel.replace(statistics, "")), /the driver says nothing of matmul/);
  assert.throws(() => parseKernels(kernel.replace("VGPRs: 24\n", "")), /does not say "VGPRs" of matmul/);
});
