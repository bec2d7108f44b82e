import { cacheDTypes, objectWith, oneOf, weightDTypes } from "@gpt/tensor";

/** How matrices are stored, keys and values, and where. */
export const dtypeExpected = oneOf(weightDTypes);
export const cacheDTypeExpected = oneOf(cacheDTypes);
export const backendExpected = objectWith("a backend", "kernels", "memory");
