import { weightDTypes, objectWith, oneOf } from "@gpt/tensor";

/** How matrices, keys and values are stored, and where. */
export const dtypeExpected = oneOf(weightDTypes);
export const backendExpected = objectWith("a backend", "kernels", "memory");
