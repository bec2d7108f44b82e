import { oneOf, weightDTypes } from "@gpt/tensor";
import type { Expectation, WeightDType } from "@gpt/tensor";
import type { SlotRole } from "./slots.ts";

/** What a matrix is for, and so as what it may be stored. */
export type MatrixRole = Extract<SlotRole, "embedding" | "matrix" | "experts" | "head">;

/**
 * As what matrices are stored, by what they are for: the table of tokens, those of the blocks, those of experts, and a head of
 * its own.
 */
export type MatrixDTypes = Readonly<Partial<Record<MatrixRole, WeightDType>>>;

export const matrixRoles = ["embedding", "matrix", "experts", "head"] as const satisfies readonly MatrixRole[];

const dtypeExpected = oneOf(weightDTypes);

/** A dtype for all matrices, or one for each role. */
export const matrixDTypesExpected: Expectation = (value, path) => {
  if (typeof value !== "object" || value === null) return dtypeExpected(value, path);
  const role = oneOf(matrixRoles);
  for (const [name, dtype] of Object.entries(value)) {
    const problem = role(name, `a role in ${path}`) ?? (dtype === undefined ? undefined : dtypeExpected(dtype, `${path}.${name}`));
    if (problem) return problem;
  }
  return undefined;
};

/** The dtype of each role: one for all, or those that are given, and `fallback` or else f32 for the others. */
export function dtypeOfEach(
  given: WeightDType | MatrixDTypes = {}, fallback: MatrixDTypes = {},
): Required<MatrixDTypes> {
  const of = typeof given === "string" ? () => given : (role: MatrixRole) => given[role] ?? fallback[role] ?? "f32";
  return { embedding: of("embedding"), matrix: of("matrix"), experts: of("experts"), head: of("head") };
}
